import { LogOut, Moon, Sun, SunMoon } from "lucide";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { useDocument } from "../data/listen";
import { usageOf } from "../data/queries";
import { IconButton } from "../parts/button";
import type { UsageDay } from "../pipeline/documents";
import { leave, useUser } from "../session";
import { setTheme, THEMES, theme } from "../theme";
import { usd } from "../words";

const THEME_ICONS = { auto: SunMoon, light: Sun, dark: Moon };
const THEME_NAMES = { auto: "as the device", light: "light", dark: "dark" };

export function TopBar() {
  const { path } = useLocation();
  const current = (place: string, also = place) =>
    path === place || path.startsWith(`${also}/`) ? ("page" as const) : undefined;
  return (
    <header class="top">
      <div class="top__inside">
        <a class="top__mark" href="/" aria-label="Studio, all storyboards">
          <img src="/favicon.svg" alt="" />
          <span>Studio</span>
        </a>
        <nav class="top__nav" aria-label="Main">
          <a href="/" aria-current={current("/", "/storyboards")}>
            Storyboards
          </a>
          <a href="/jobs" aria-current={current("/jobs")}>
            Jobs
          </a>
        </nav>
        <SpentToday />
        <ThemeButton />
        <IconButton label="Sign out" icon={LogOut} onClick={leave} />
      </div>
    </header>
  );
}

/** Of the day in UTC, as the limits count it. */
function SpentToday() {
  const { uid } = useUser();
  const usage = useDocument<UsageDay>(usageOf(uid, useDay()));
  if (usage.state !== "ready") return null;
  const spent = (usage.data?.spent_microusd ?? 0) / 1e6;
  return (
    <span class="top__spent">
      {usd(spent)} <span class="long">spent </span>today
    </span>
  );
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** `2026-11-21`, in UTC; the page may stay open until the next. */
function useDay(): string {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setTimeout(() => setNow(Date.now()), DAY_MILLISECONDS - (now % DAY_MILLISECONDS) + 1000);
    return () => clearTimeout(timer);
  }, [now]);
  return new Date(now).toISOString().slice(0, 10);
}

function ThemeButton() {
  const [shown, setShown] = useState(theme());
  const next = THEMES[(THEMES.indexOf(shown) + 1) % THEMES.length] ?? "auto";
  const change = () => {
    setTheme(next);
    setShown(next);
  };
  return (
    <IconButton
      label={`Colours: ${THEME_NAMES[shown]}. Change to ${THEME_NAMES[next]}`}
      icon={THEME_ICONS[shown]}
      onClick={change}
    />
  );
}
