export function JobPage() {
  return <div class="page">JobPage</div>;
}
