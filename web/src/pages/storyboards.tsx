export function Storyboards() {
  return <div class="page">Storyboards</div>;
}
