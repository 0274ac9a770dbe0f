// The search box and the filters above the calls list.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Sensor } from '../api/types';
import { setPrefs, usePrefs } from '../prefs';
import { describe, EVERYTHING, RANGES, type Filter, type Range } from '../query';
import { dateTime, fromInput, zoneName } from '../time';
import { useMedia } from '../ui/bits';
import { Icon } from '../ui/icons';
import { typing } from '../ui/keys';

// The codes of docs/findings.md that calls have, to choose from; any other can be typed.
const FINDINGS = [
  'one-way-audio', 'no-audio', 'nat-private-sdp', 'sip-alg', 'srtp-without-key', 'missing-ack', 'loss-burst', 'loss-located-on-leg', 'jitter-high', 'clock-skew',
  'codec-mismatch', 'ptime-mismatch', 'ssrc-collision', 'early-media-lost', 'late-media', 'media-after-bye', 'dtmf-missing', 't38-refused', 'fax-over-g711',
  'auth-loop', 'bye-lost', 'retransmission-storm', 'slow-pdd', 'digest-leak', 'scanner', 'toll-fraud', 'duplicate-mirror', 'joined-mid-call',
];

const MOS_LIMITS = [4.3, 4, 3.6, 3.1, 2.5];

interface Props {
  filter: Filter;
  set: (f: Filter) => void;
  sensors: Sensor[];
  live: boolean;
}

export function FilterBar({ filter, set, sensors, live }: Props) {
  const small = useMedia('(max-width: 760px)');
  const [open, setOpen] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(filter.q);
  const timer = useRef(0);
  const latest = useRef(filter);
  latest.current = filter;

  useEffect(() => setText(filter.q), [filter.q]);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key !== '/' || typing(e)) return;
      e.preventDefault();
      search.current?.focus();
      search.current?.select();
    };
    document.addEventListener('keydown', key);
    return () => {
      document.removeEventListener('keydown', key);
      clearTimeout(timer.current);
    };
  }, []);

  const change = (c: Partial<Filter>) => set({ ...latest.current, ...c });
  const type = (q: string, wait: number) => {
    setText(q);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => change({ q: q.trim() }), wait);
  };
  const conditions = describe({ ...filter, q: '' }).length;

  return (
    <form
      class="filters"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        type(text, 0);
      }}
    >
      <div class="search">
        <Icon name="search" />
        <input
          ref={search} type="search" name="q" aria-label="Search by number, Call-ID or IP address" placeholder="Number, Call-ID or IP address" value={text} spellcheck={false} autoComplete="off"
          onInput={(e) => type(e.currentTarget.value, 250)}
          onKeyDown={(e) => e.key === 'Escape' && e.currentTarget.blur()}
        />
        <kbd aria-hidden="true">/</kbd>
      </div>
      {small && (
        <button type="button" class="toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="filter" /> Filters{conditions > 0 && ` (${conditions})`}
        </button>
      )}
      <LiveToggle on={live} />
      {(!small || open) && <Conditions filter={filter} change={change} sensors={sensors} />}
      {filter.q + conditions !== '0' && (
        <button type="button" class="quiet-button" onClick={() => set(EVERYTHING)}>
          <Icon name="close" /> Clear
        </button>
      )}
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

function Conditions({ filter, change, sensors }: { filter: Filter; change: (c: Partial<Filter>) => void; sensors: Sensor[] }) {
  const limits = MOS_LIMITS.includes(filter.mosBelow) || !filter.mosBelow ? MOS_LIMITS : [filter.mosBelow, ...MOS_LIMITS];
  const numbers = [...new Map(sensors.map((s) => [s.id_sensor, s.name] as const))];
  if (filter.sensor && !numbers.some(([n]) => n === filter.sensor)) numbers.push([filter.sensor, '']);
  return (
    <div class="conditions">
      <select aria-label="Time range" value={filter.range} onChange={(e) => change({ range: e.currentTarget.value as Range, ...defaultBounds(e.currentTarget.value, filter) })}>
        {Object.entries(RANGES).map(([k, text]) => <option key={k} value={k}>{text}</option>)}
      </select>
      {filter.range === 'custom' && <Bounds filter={filter} change={change} />}
      <select aria-label="Sensor" value={String(filter.sensor)} onChange={(e) => change({ sensor: Number(e.currentTarget.value) })}>
        <option value="0">All sensors</option>
        {numbers.map(([n, name]) => <option key={n} value={String(n)}>{n} {name}</option>)}
      </select>
      <Typed label="Status" hint="Status" list={['200', '403', '404', '408', '480', '486', '487', '488', '500', '503', '603']} id="statuses" value={filter.status ? String(filter.status) : ''} size={6} numeric set={(v) => change({ status: /^[1-6]\d\d$/.test(v) ? Number(v) : 0 })} />
      <select aria-label="MOS below" value={String(filter.mosBelow)} onChange={(e) => change({ mosBelow: Number(e.currentTarget.value) })}>
        <option value="0">Any MOS</option>
        {limits.map((m) => <option key={m} value={String(m)}>MOS below {m}</option>)}
      </select>
      <Typed label="Finding" hint="Finding" list={FINDINGS} id="findings" value={filter.finding} size={14} set={(v) => change({ finding: v })} />
      <label class="check">
        <input type="checkbox" checked={filter.kept} onChange={(e) => change({ kept: e.currentTarget.checked })} /> PCAP kept
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
