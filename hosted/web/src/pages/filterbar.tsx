// The search box and the filters above the calls list.

import type { ComponentChildren } from 'preact';
import { useCallback, useRef, useState } from 'preact/hooks';
import type { ConditionFields } from '../api/search';
import type { Sensor } from '../api/types';
import { setPrefs, usePrefs } from '../prefs';
import { EVERYTHING, isNarrow, KEPT, RANGES, type Filter, type Range } from '../query';
import { found, put, quote } from '../search/condition';
import { SearchField } from '../search/field';
import { dateTime, fromInput, zoneName } from '../time';
import { useMedia } from '../ui/bits';
import { Icon } from '../ui/icons';
import { useSlash } from '../ui/keys';

// The codes of docs/findings.md that calls have, to choose from; any other can be typed.
export const FINDINGS = [
  'one-way-audio', 'no-audio', 'nat-private-sdp', 'sip-alg', 'srtp-without-key', 'missing-ack', 'loss-burst', 'loss-located-on-leg', 'jitter-high', 'clock-skew',
  'codec-mismatch', 'ptime-mismatch', 'ssrc-collision', 'early-media-lost', 'late-media', 'media-gap', 'media-after-bye', 'dtmf-missing', 't38-refused', 'fax-over-g711',
  'auth-loop', 'bye-lost', 'retransmission-storm', 'slow-pdd', 'digest-leak', 'scanner', 'toll-fraud', 'duplicate-mirror', 'joined-mid-call',
];

const MOS_LIMITS = [4.3, 4, 3.6, 3.1, 2.5];

// What each filter writes into the condition, and how it knows it again.
const OWN = {
  sensor: /^sensor[:=](\d+)$/i,
  status: /^status[:=]([1-6]\d\d)$/i,
  mos: /^mos<(\d(?:\.\d+)?)$/i,
  finding: /^finding[:=]([\w*-]+|"[^"]*")$/i,
  kept: /^kept:\(sip headers rtp\)$/i,
};

interface Props {
  filter: Filter;
  set: (f: Filter) => void;
  sensors: Sensor[];
  live: boolean;
  known: ConditionFields;
  children: ComponentChildren; // behind the search field
}

export function FilterBar({ filter, set, sensors, live, known, children }: Props) {
  const small = useMedia('(max-width: 760px)');
  const [open, setOpen] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const latest = useRef(filter);
  latest.current = filter;

  useSlash(field);

  const change = useCallback((c: Partial<Filter>) => set({ ...latest.current, ...c }), [set]);
  const search = useCallback((where: string) => change({ where }), [change]);
  const write = (what: RegExp, condition: string) => change({ where: put(latest.current.where, what, condition) });
  const used = Object.values(OWN).filter((p) => found(filter.where, p)).length + (filter.range === 'all' ? 0 : 1);

  return (
    <form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
      <SearchField value={filter.where} set={search} known={known} field={field} />
      {children}
      {small && (
        <button type="button" class="toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="filter" /> Filters{used > 0 && ` (${used})`}
        </button>
      )}
      <LiveToggle on={live} />
      {isNarrow(filter) && (
        <button type="button" class="quiet-button" onClick={() => set(EVERYTHING)}>
          <Icon name="close" /> Clear
        </button>
      )}
      {(!small || open) && <Conditions filter={filter} change={change} write={write} sensors={sensors} />}
    </form>
  );
}

function LiveToggle({ on }: { on: boolean }) {
  return (
    <label class="check" title="Show running calls above the list">
      <input type="checkbox" checked={on} onChange={(e) => setPrefs({ live: e.currentTarget.checked })} /> Live
    </label>
  );
}

interface ConditionProps {
  filter: Filter;
  change: (c: Partial<Filter>) => void;
  write: (what: RegExp, condition: string) => void;
  sensors: Sensor[];
}

function Conditions({ filter, change, write, sensors }: ConditionProps) {
  const is = (what: RegExp) => found(filter.where, what)?.[1] ?? '';
  const [sensor, mos] = [is(OWN.sensor), is(OWN.mos)];
  const limits = MOS_LIMITS.includes(Number(mos)) || !mos ? MOS_LIMITS : [Number(mos), ...MOS_LIMITS];
  const numbers = [...new Map(sensors.map((s) => [String(s.id_sensor), s.name] as const))];
  if (sensor && !numbers.some(([n]) => n === sensor)) numbers.push([sensor, '']);
  return (
    <div class="conditions">
      <select aria-label="Time range" value={filter.range} onChange={(e) => change({ range: e.currentTarget.value as Range, ...defaultBounds(e.currentTarget.value, filter) })}>
        {Object.entries(RANGES).map(([k, text]) => <option key={k} value={k}>{text}</option>)}
      </select>
      {filter.range === 'custom' && <Bounds filter={filter} change={change} />}
      <select aria-label="Sensor" value={sensor} onChange={(e) => write(OWN.sensor, e.currentTarget.value && `sensor:${e.currentTarget.value}`)}>
        <option value="">All sensors</option>
        {numbers.map(([n, name]) => <option key={n} value={n}>{n} {name}</option>)}
      </select>
      <Typed label="Status" hint="Status" list={['200', '403', '404', '408', '480', '486', '487', '488', '500', '503', '603']} id="statuses" value={is(OWN.status)} size={6} numeric set={(v) => write(OWN.status, /^[1-6]\d\d$/.test(v) ? `status:${v}` : '')} />
      <select aria-label="MOS below" value={mos && String(Number(mos))} onChange={(e) => write(OWN.mos, e.currentTarget.value && `mos<${e.currentTarget.value}`)}>
        <option value="">Any MOS</option>
        {limits.map((m) => <option key={m} value={String(m)}>MOS below {m}</option>)}
      </select>
      <Typed label="Finding" hint="Finding" list={FINDINGS} id="findings" value={is(OWN.finding).replaceAll('"', '')} size={14} set={(v) => write(OWN.finding, v && `finding:${/^[\w*-]+$/.test(v) ? v : quote(v)}`)} />
      <label class="check">
        <input type="checkbox" checked={found(filter.where, OWN.kept) !== null} onChange={(e) => write(OWN.kept, e.currentTarget.checked ? KEPT : '')} /> PCAP kept
      </label>
    </div>
  );
}

// defaultBounds starts a custom range with the last hour, so that the fields hold something to change.
function defaultBounds(range: string, f: Filter): Partial<Filter> {
  if (range !== 'custom') return { from: null, to: null };
  const now = Math.ceil(Date.now() / 60_000) * 60e6;
  return f.from === null && f.to === null ? { from: now - 3600e6, to: null } : {};
}

function Bounds({ filter, change }: { filter: Filter; change: (c: Partial<Filter>) => void }) {
  const { zone } = usePrefs();
  const field = (label: string, us: number | null, set: (us: number | null) => void) => (
    <label class="bound">
      {label}
      <input
        key={`${us} ${zone}`} defaultValue={us === null ? '' : dateTime(us, zone)} placeholder="yyyy-mm-dd hh:mm" spellcheck={false} autoComplete="off"
        onChange={(e) => {
          const text = e.currentTarget.value.trim();
          const to = fromInput(text, zone);
          e.currentTarget.setAttribute('aria-invalid', String(text !== '' && to === null));
          if (text === '' || to !== null) set(to);
        }}
      />
    </label>
  );
  return (
    <span class="bounds">
      {field('from', filter.from, (from) => change({ from }))}
      {field('to', filter.to, (to) => change({ to }))}
      <span class="quiet">{zoneName(zone)}</span>
    </span>
  );
}

interface TypedProps {
  label: string;
  hint: string;
  id: string;
  list: string[];
  value: string;
  size: number;
  numeric?: boolean;
  set: (v: string) => void;
}

// Typed is a field with suggestions; it takes effect when it is left, on Enter, or when a suggestion is chosen.
function Typed({ label, hint, id, list, value, size, numeric, set }: TypedProps) {
  return (
    <>
      <input
        aria-label={label} placeholder={hint} list={id} size={size} defaultValue={value} key={value} spellcheck={false} autoComplete="off" {...(numeric ? { inputMode: 'numeric' as const, maxLength: 3 } : {})}
        onChange={(e) => set(e.currentTarget.value.trim())}
      />
      <datalist id={id}>{list.map((v) => <option key={v} value={v} />)}</datalist>
    </>
  );
}
