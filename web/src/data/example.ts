/** A storyboard to begin with. */
export interface ExampleScene {
  text: string;
  style_prompt?: string;
}

export const EXAMPLE: { title: string; style: string; scenes: ExampleScene[] } = {
  title: "A letter to the sea",
  style: "painterly, warm evening light, soft haze",
  scenes: [
    { text: "A small fishing village wakes under a golden sunrise" },
    { text: "A lighthouse on the cliff above a calm blue sea" },
    { text: "A forest path in the green hills, light between the trees" },
    { text: "A sailing boat on the ocean heads into the sunset" },
  ],
};
