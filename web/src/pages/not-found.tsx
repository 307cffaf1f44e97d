import { Compass } from "lucide";
import { Empty } from "../parts/empty";

export function NotFound() {
  return (
    <div class="page">
      <h1 class="visually-hidden">Not found</h1>
      <Empty
        icon={Compass}
        title="There is nothing here"
        actions={
          <a class="button" href="/">
            To your storyboards
          </a>
        }
      >
        What was here is deleted, or the address is not one of this page.
      </Empty>
    </div>
  );
}
