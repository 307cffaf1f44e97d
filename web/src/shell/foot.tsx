/** The end of every page. The address is none of the router's, which leaves links to another tab alone. */
export function Foot() {
  return (
    <footer class="foot">
      <a href="/licences.txt" target="_blank" rel="noreferrer">
        Licences
      </a>
    </footer>
  );
}
