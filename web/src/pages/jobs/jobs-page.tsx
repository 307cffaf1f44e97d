export function JobsPage() {
  return <div class="page">JobsPage</div>;
}
