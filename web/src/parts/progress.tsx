/** How far something is. `percent` undefined: nobody knows. */
export function Progress({ label, percent }: { label: string; percent?: number }) {
  return (
    <div class="progress">
      <div class="progress__words">
        <span>{label}</span>
        {percent !== undefined && <span>{Math.round(percent)} %</span>}
      </div>
      <progress class="progress__bar" max={100} value={percent} aria-label={label} />
    </div>
  );
}
