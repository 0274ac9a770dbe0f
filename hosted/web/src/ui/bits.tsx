// Small pieces that every page uses.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Finding, Problem, Severity } from '../api/types';
import { mos as mosText } from '../format';
import { usePrefs } from '../prefs';
import { ago, dateTime, micros, offset, timesIn } from '../time';
import { grade, type Tone } from '../words';
import { Icon, type IconName } from './icons';

// Quality is a MOS with its grade in words, so that colour never stands alone.
export function Quality({ mos }: { mos: number | null }) {
  const g = grade(mos);
  if (g === 'none') return <span class="quiet">–</span>;
  return (
    <span class={`mos ${g}`}>
      {mosText(mos)} <small>{g}</small>
    </span>
  );
}

export function Pill({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`pill ${tone}`}>{children}</span>;
}

// Moment shows a time in the chosen zone; the other zones are a hover away.
export function Moment({ t, decimals = 0 }: { t: string | null; decimals?: number }) {
  const { zone } = usePrefs();
  const us = micros(t);
  if (us === null) return <span class="quiet">–</span>;
  return (
    <time dateTime={t!} title={`${dateTime(us, 'utc', 6)} UTC\n${dateTime(us, 'local', 6)} ${offset(us, 'local')}`}>
      {dateTime(us, zone, decimals)}
    </time>
  );
}

// Ago shows how long ago a time was; the time itself is a hover away.
export function Ago({ t }: { t: string }) {
  const now = useNow(10_000);
  const us = micros(t) ?? now;
  return <time dateTime={t} title={`${dateTime(us, 'utc', 6)} UTC\n${dateTime(us, 'local', 6)} ${offset(us, 'local')}`}>{ago(us, now)}</time>;
}

export const SEVERITY_WORD: Record<Severity, string> = { bad: 'bad', warn: 'warning', info: 'note' };

export function SeverityIcon({ severity }: { severity: Severity }) {
  return (
    <span class={`severity ${severity}`}>
      <Icon name={severity} label={SEVERITY_WORD[severity]} />
    </span>
  );
}

const WEIGHT: Record<Severity, number> = { bad: 2, warn: 1, info: 0 };
export const byWeight = (list: Finding[]) => [...list].sort((a, b) => WEIGHT[b.severity] - WEIGHT[a.severity]);

// ProblemBox says what failed, why, and what to do.
// Said is a text of the service: its times in the zone of the page, what stands between backticks as what one types.
export function Said({ text }: { text: string }) {
  return <>{text.split(/`([^`]+)`/).map((part, i) => (i % 2 ? <code key={i}>{part}</code> : timesIn(part).map((x, k) => (k % 2 ? <Moment key={k} t={x} /> : x))))}</>;
}

export function ProblemBox({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <SeverityIcon severity="bad" />
      <div>
        <strong>{problem.title.slice(0, 1).toUpperCase() + problem.title.slice(1)}</strong>
        {problem.detail && <p><Said text={problem.detail} /></p>}
        {problem.remedy && <p><Said text={problem.remedy} /></p>}
        <p class="quiet">
          {problem.code}
          {retry && (
            <>
              {' '}
              <button type="button" class="link" onClick={retry}>Try again</button>
            </>
          )}
        </p>
      </div>
    </div>
  );
}

// Empty says why there is nothing to see, and what to do about it.
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Copy({ text, label, icon = 'copy' }: { text: string; label: string; icon?: IconName }) {
  const [done, setDone] = useState('');
  useEffect(() => {
    if (!done) return;
    const t = setTimeout(() => setDone(''), 2000);
    return () => clearTimeout(t);
  }, [done]);
  const copy = () =>
    copyText(text).then(
      () => setDone('Copied'),
      () => setDone('Select the text and press Ctrl+C'),
    );
  return (
    <button type="button" class="quiet-button" onClick={copy} aria-label={label} title={label}>
      <Icon name={icon} /> <span role="status">{done}</span>
    </button>
  );
}

// copyText also works where the clipboard API is not given: on http:// addresses other than localhost.
async function copyText(text: string) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement('textarea'), { value: text });
  document.body.append(area);
  area.select();
  const ok = document.execCommand('copy');
  area.remove();
  if (!ok) throw new Error('the browser refused to copy');
}

// useNow gives the time in microseconds, renewed every period.
export function useNow(periodMS: number): number {
  const [now, setNow] = useState(Date.now() * 1000);
  useEffect(() => {
    const t = setInterval(() => setNow(Date.now() * 1000), periodMS);
    return () => clearInterval(t);
  }, [periodMS]);
  return now;
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · voiptop`;
  }, [title]);
}

// useMedia follows a media query.
export function useMedia(query: string): boolean {
  const [match, setMatch] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const m = matchMedia(query);
    const f = () => setMatch(m.matches);
    m.addEventListener('change', f);
    f();
    return () => m.removeEventListener('change', f);
  }, [query]);
  return match;
}
