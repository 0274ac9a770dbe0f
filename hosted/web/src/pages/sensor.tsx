// A sensor: how it does its work now, and did over the last days.

import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { aborted, asProblem } from '../api/client';
import { sensor as ask, sensorHealth, type HealthLog } from '../api/health';
import type { Problem, Sensor } from '../api/types';
import { TimeChart } from '../charts/time';
import { bytes, count, listens, NONE } from '../format';
import { usePrefs } from '../prefs';
import { navigate } from '../router';
import { clockSkew, disk, drops, grid, queue, ROWS, type Figure, type Row } from '../sensor/figures';
import { clock, date, micros, rfc3339 } from '../time';
import { Ago, Empty, Moment, Pill, ProblemBox, Said, SeverityIcon, useTitle } from '../ui/bits';
import { Icon } from '../ui/icons';
import '../style/dashboard.css';
import '../style/sensor.css';

const REFRESH_MS = 10_000;
const SPANS = [['1h', 'Hour', 3600], ['24h', '24 hours', 86_400], ['7d', '7 days', 604_800]] as const;
const COLOURS = ['--s1', '--s2'];

interface Past {
  log: HealthLog;
  from: number; // us
  to: number;
}

export function SensorPage({ uuid }: { uuid: string }) {
  const [s, setS] = useState<Sensor | null>(null);
  const [past, setPast] = useState<Past | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [time, setTime] = useState<{ seconds: number } | { from: number; to: number }>({ seconds: 86_400 });
  const [index, setIndex] = useState<number | null>(null);
  useTitle(s ? s.name || `Sensor ${s.id_sensor}` : 'Sensor');

  const load = useCallback(
    (signal?: AbortSignal) => {
      const now = Math.ceil(Date.now() / 60_000) * 60e6;
      const [from, to] = 'seconds' in time ? [now - time.seconds * 1e6, now] : [time.from, time.to];
      const failed = (e: unknown) => aborted(e) || setProblem(asProblem(e));
      ask(uuid, signal).then((x) => {
        setS(x);
        setProblem(null);
      }, failed);
      sensorHealth(uuid, new URLSearchParams({ from: rfc3339(from), to: rfc3339(to) }), signal).then((log) => setPast({ log, from, to }), failed);
    },
    [uuid, time],
  );
  useEffect(() => {
    const control = new AbortController();
    load(control.signal);
    const t = setInterval(() => document.hidden || load(control.signal), REFRESH_MS);
    return () => {
      clearInterval(t);
      control.abort();
    };
  }, [load]);

  if (problem?.status === 404) return <Empty title="There is no such sensor"><p><a href="/sensors">All sensors</a></p></Empty>;
  return (
    <div class="page sensor-page">
      <a class="quiet-button back" href="/sensors"><Icon name="back" /> Sensors</a>
      {problem && <ProblemBox problem={problem} retry={() => load()} />}
      {s && <Now s={s} />}
      {past && s && (
        <>
          <div class="panel-head">
            <h2>Over time</h2>
            <div class="segments" role="group" aria-label="Time">
              {SPANS.map(([key, word, seconds]) => <button key={key} type="button" aria-pressed={'seconds' in time && time.seconds === seconds} onClick={() => setTime({ seconds })}>{word}</button>)}
            </div>
          </div>
          {past.log.samples.length === 0 ? (
            <div class="panel"><p>{s.online ? 'It has not been heard in this time. Sensors are asked once a minute.' : 'It was not online in this time. What sensors say of themselves is kept for 7 days.'}</p></div>
          ) : (
            <Charts past={past} s={s} index={index} setIndex={setIndex} zoom={(from, to) => setTime({ from: Math.floor(from / 60e6) * 60e6, to: Math.max(Math.ceil(to / 60e6) * 60e6, from + 300e6) })} />
          )}
        </>
      )}
    </div>
  );
}

function Now({ s }: { s: Sensor }) {
  const problems = s.problems ?? [];
  const old = s.last_error && !problems.some((p) => p.code === s.last_error!.code) ? s.last_error : null;
  return (
    <>
      <div class="panel-head">
        <h1>{s.name || 'unnamed'} <small class="quiet">id_sensor {s.id_sensor}</small></h1>
        {s.revoked ? <Pill tone="quiet">revoked</Pill> : s.online ? <Pill tone="ok">online</Pill> : <Pill tone="bad">offline</Pill>}
        <span class="tools">
          <a href={`/calls?sensor=${s.id_sensor}`}>Its calls</a> <a href={`/dashboard?sensor=${s.id_sensor}`}>Its figures</a>
        </span>
      </div>
      <section class="panel" aria-label="Now">
        <dl class="facts">
          {s.online ? <Fact name="Channels">{count(s.running)}{!!s.over_limit && <strong class="over"> {count(s.over_limit)} over the limit</strong>}</Fact> : <Fact name="Last seen">{s.last_seen ? <Ago t={s.last_seen} /> : 'never'}</Fact>}
          <FactFigure name="Queue" f={queue(s)} />
          <FactFigure name="Drops" f={drops(s)} />
          <FactFigure name="Disk" f={disk(s)} />
          <FactFigure name="Clock" f={clockSkew(s)} />
          <Fact name="Last call record">{s.last_cdr ? <Ago t={s.last_cdr} /> : 'never'}</Fact>
          <Fact name="Records">{count(s.cdrs)}{!!s.lost_cdrs && <strong class="over"> {count(s.lost_cdrs)} lost</strong>}</Fact>
          <Fact name="Captures">{s.spool ? bytes(s.spool.bytes) : NONE}{s.spool?.max_bytes ? <small class="quiet"> of {bytes(s.spool.max_bytes)}</small> : null}</Fact>
          <Fact name="Downloads">{downloads(s)}</Fact>
          <Fact name="Version">{s.version || NONE}</Fact>
          <Fact name="System">{s.os ? `${s.os}/${s.arch}` : NONE}</Fact>
          <Fact name="Listens to"><span title={s.source}>{listens(s.source) || NONE}</span></Fact>
          <Fact name="Started">{s.started ? <Moment t={s.started} /> : NONE}</Fact>
          <Fact name="Address">{s.addr || NONE}</Fact>
          <Fact name="Paired"><Moment t={s.enrolled} /></Fact>
          <Fact name="Rules">{s.hosted_rule_revision === 0 && s.rules_current ? 'none written here yet' : s.rules_current ? `the newest (${s.hosted_rule_revision})` : `revision ${s.hosted_rule_revision}, not the newest`}</Fact>
          {s.node && <Fact name="Node">{s.node}</Fact>}
        </dl>
        {!s.online && s.health_at && <p class="quiet">It is offline: what it did is as it said it <Ago t={s.health_at} />.</p>}
      </section>
      {problems.map((p) => <Trouble key={p.code} p={p} />)}
      {old && <Trouble p={old} before={s.online ? 'Before: ' : 'When it was heard last: '} />}
    </>
  );
}

// downloads says which way its captures come.
const downloads = (s: Sensor) => (!s.capabilities.includes('download') ? 'switched off (cloud_download)' : s.capabilities.includes('direct') ? 'straight to the browser, or relayed' : 'relayed');

function Trouble({ p, before = '' }: { p: Problem; before?: string }) {
  return (
    <div class="notice warn">
      <SeverityIcon severity="warn" />
      <div>
        <strong>{before}{p.title}</strong>
        {p.detail && <p><Said text={p.detail} /></p>}
        {p.remedy && <p><Said text={p.remedy} /></p>}
        <p class="quiet"><code>{p.code}</code></p>
      </div>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

function FactFigure({ name, f }: { name: string; f: Figure }) {
  return <div title={f.title}><dt>{name}</dt><dd>{f.tone === 'ok' ? f.text : <Pill tone={f.tone}>{f.text}</Pill>}</dd></div>;
}

type ChartsProps = { past: Past; s: Sensor; index: number | null; setIndex: (i: number | null) => void; zoom: (from: number, to: number) => void };

function Charts({ past, s, index, setIndex, zoom }: ChartsProps) {
  const g = useMemo(() => grid(past.log, past.from, past.to, micros), [past]);
  const open = (i: number) => navigate(`/calls?sensor=${s.id_sensor}&from=${rfc3339(g.at[i]!)}&to=${rfc3339(g.at[i]! + past.log.step * 1e6)}`);
  return (
    <div class="panels">
      {ROWS.map((r) => <Chart key={r.id} row={r} past={past} g={g} index={index} setIndex={setIndex} zoom={zoom} open={open} />)}
    </div>
  );
}

function Chart({ row, past, g, index, setIndex, zoom, open }: { row: Row; past: Past; g: ReturnType<typeof grid>; open: (i: number) => void } & Pick<ChartsProps, 'index' | 'setIndex' | 'zoom'>) {
  const { zone } = usePrefs();
  const bands = useMemo(() => row.lines.map((l, i) => ({ name: l.name, colour: COLOURS[i]!, values: g.points.map((p) => (p ? l.value(p) : null)) })), [row, g]);
  const at = index === null ? undefined : g.at[index];
  const known = (v: (number | null)[]) => v.filter((x): x is number => x !== null);
  return (
    <figure class="panel" data-panel={row.id}>
      <figcaption><span><strong>{row.title}</strong> <small>{row.unit}</small></span></figcaption>
      <p class="reading">
        {at !== undefined && <span class="quiet">{date(at, zone).slice(5)} {clock(at, zone).slice(0, 5)}</span>}
        {bands.map((b) => (
          <span key={b.name} class="key"><i class="swatch" style={{ background: `var(${b.colour})` }} />{at === undefined ? b.name : (b.values[index!]?.toFixed(row.decimals) ?? NONE)}</span>
        ))}
        {at !== undefined && g.points[index!]?.problem && <code>{g.points[index!]!.problem}</code>}
        {at !== undefined && !g.points[index!] && <span class="quiet">not heard</span>}
      </p>
      <TimeChart
        label={`${row.title} over time: ${bands.map((b) => `${b.name} ${known(b.values).length ? `${Math.min(...known(b.values)).toFixed(row.decimals)} to ${Math.max(...known(b.values)).toFixed(row.decimals)}` : 'not known'}`).join(', ')}. Left and right choose a point, Enter opens its calls.`}
        kind="lines" at={g.at} step={past.log.step} from={past.from} to={past.to} bands={bands} scale={{ bottom: 0, least: row.least }}
        height={150} index={index} setIndex={setIndex} zoom={zoom} open={open}
      />
    </figure>
  );
}
