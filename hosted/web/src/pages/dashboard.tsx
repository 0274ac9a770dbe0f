// The dashboard: figures of the calls of a time, over that time, and by where they come from. Everything that is counted is a
// link to the calls that it counts.

import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { api } from '../api/client';
import { searchAPI, type ConditionFields } from '../api/search';
import type { Sensor, User } from '../api/types';
import { useStats } from '../dashboard/data';
import { Panels } from '../dashboard/panels';
import { Tiles } from '../dashboard/tiles';
import { UsagePanel } from '../dashboard/usage';
import { COMPARES, PANELS, parseView, preliminary, SPANS, viewPath, type Compare, type Span, type View } from '../dashboard/view';
import { Worst } from '../dashboard/worst';
import { usePrefs } from '../prefs';
import { back, navigate } from '../router';
import { count } from '../format';
import { SearchField } from '../search/field';
import { clock, date, micros, zoneName } from '../time';
import { Empty, ProblemBox, useMedia, useTitle } from '../ui/bits';
import { useSlash } from '../ui/keys';
import '../style/dashboard.css';

const NO_SENSORS: Sensor[] = [];
const LEAST = 2 * 60e6; // what a drag chooses at least, us

export function DashboardPage({ query, user }: { query: string; user: User }) {
  const view = useMemo(() => parseView(new URLSearchParams(query)), [query]);
  const data = useStats(view, query);
  const sensors = useSensors();
  const { zone } = usePrefs();
  const small = useMedia('(max-width: 760px)');
  useTitle('Dashboard');
  useWall(view);
  usePrint();

  const go = (change: Partial<View>, how: 'push' | 'replace' = 'push') => navigate(viewPath({ ...view, ...change }), how);
  const zoom = useCallback(
    (from: number, to: number) => {
      const middle = (from + to) / 2;
      const half = Math.max(LEAST, to - from) / 2;
      navigate(viewPath({ ...view, span: '', from: Math.floor((middle - half) / 60e6) * 60e6, to: Math.ceil((middle + half) / 60e6) * 60e6 }));
    },
    [view],
  );
  const { now } = data;
  const noSensor = sensors !== null && !sensors.some((s) => !s.revoked);
  return (
    <div class={`page dashboard${data.loading && now ? ' loading' : ''}`}>
      <Head view={view} go={go} sensors={sensors ?? NO_SENSORS} />
      <p class="span quiet" role="status">
        {now && <>{text(data.from, zone)} to {text(data.to, zone)} <span>{zoneName(zone)}</span> · a point is {step(now.step)}{now.source === 'calls' && ' · counted from the calls'}{preliminary(now) < now.series.length && <span title="A call counts where it began, when it has ended: of the last points some calls still run, and the ratios of those that are over lean towards calls that failed at once."> · dotted or pale points may still change</span>}</>}
      </p>
      {data.problem && <ProblemBox problem={data.problem} retry={data.reload} />}
      {now?.partial && (
        <div class="notice warn" role="status">
          <div>
            <strong>Only the newest calls are counted</strong>
            <p>With a condition the calls are read one by one. {count(now.read)} were read in the time that a page has: what is shown begins at {text(micros(now.from)!, zone)}.</p>
            <p>{data.loading ? 'Counting …' : data.whole ? 'That is as far as five minutes go: choose a shorter time.' : <button type="button" onClick={data.all} title="This can take minutes">Count all</button>}</p>
          </div>
        </div>
      )}
      {now && now.totals.calls === 0 ? (
        <WhyEmpty view={view} noSensor={noSensor} user={user} go={go} />
      ) : (
        now && (
          <>
            <Tiles view={view} now={now} before={data.before} />
            <Panels view={view} now={now} before={data.before} from={data.from} to={data.to} height={view.wall ? wallHeight() : small ? 140 : 160} zoom={zoom} />
            {!view.wall && <Worst view={view} from={data.from} to={data.to} version={now} />}
          </>
        )
      )}
      {!view.wall && !view.where && !view.sensor && <UsagePanel />}
    </div>
  );
}

function Head({ view, go, sensors }: { view: View; go: (change: Partial<View>, how?: 'push' | 'replace') => void; sensors: Sensor[] }) {
  const field = useRef<HTMLInputElement>(null);
  const known = useFields(sensors);
  const latest = useRef(go);
  latest.current = go;
  const search = useCallback((where: string) => latest.current({ where }, 'replace'), []);
  useSlash(field);
  if (view.wall) {
    return (
      <div class="panel-head">
        <h1>{SPANS[view.span || '24h']}</h1>
        <button type="button" class="quiet-button" onClick={() => go({ wall: false })}>Leave the wall screen</button>
      </div>
    );
  }
  return (
    <>
      <div class="panel-head">
        <h1>Dashboard</h1>
        <div class="segments" role="group" aria-label="Time">
          {(Object.keys(SPANS) as Span[]).map((s) => <button key={s} type="button" aria-pressed={view.span === s} onClick={() => go({ span: s })}>{SPANS[s]}</button>)}
        </div>
        {!view.span && <button type="button" class="quiet-button" onClick={() => back('/dashboard')}>Back to where you were</button>}
        <span class="tools">
          <button type="button" class="quiet-button" onClick={() => go({ wall: true, span: view.span || '24h' })} title="Without menus, for a screen on a wall">Wall screen</button>
          <button type="button" class="quiet-button" onClick={() => print()}>Print</button>
        </span>
      </div>
      <form class="filters-inline" onSubmit={(e) => e.preventDefault()}>
        <SearchField value={view.where} set={search} known={known} field={field} frame=".dashboard" />
        <select aria-label="Sensor" value={String(view.sensor)} onChange={(e) => go({ sensor: Number(e.currentTarget.value) })}>
          <option value="0">All sensors</option>
          {sensors.filter((s) => !s.revoked || s.id_sensor === view.sensor).map((s) => <option key={s.uuid} value={String(s.id_sensor)}>{s.id_sensor} {s.name}</option>)}
        </select>
        <label class="check">Compare with
          <select value={view.compare} onChange={(e) => go({ compare: e.currentTarget.value as Compare })}>
            {(Object.keys(COMPARES) as Compare[]).map((c) => <option key={c} value={c}>{c ? `the ${COMPARES[c]}` : COMPARES[c]}</option>)}
          </select>
        </label>
      </form>
    </>
  );
}

function WhyEmpty({ view, noSensor, user, go }: { view: View; noSensor: boolean; user: User; go: (change: Partial<View>) => void }) {
  if (noSensor) {
    return (
      <Empty title="No sensor is paired yet">
        <p>A dashboard needs calls, and calls come from a sensor beside your PBX.</p>
        {user.role === 'admin' ? <p><a class="primary" href="/sensors?add=1">Add a sensor</a></p> : <p>An administrator of {user.tenant} can add one on the page <a href="/sensors">Sensors</a>.</p>}
      </Empty>
    );
  }
  return (
    <Empty title="No calls ended in this time">
      {view.where || view.sensor ? (
        <p>None match {view.where && <code>{view.where}</code>}{view.where && view.sensor ? ' on ' : ''}{view.sensor ? `sensor ${view.sensor}` : ''}. <button type="button" class="link" onClick={() => go({ where: '', sensor: 0 })}>Show all calls</button></p>
      ) : (
        <p>Calls are counted when they end; those that run are on <a href="/calls">Calls</a>. <a href="/sensors">Sensors</a> says whether they are online and see calls.</p>
      )}
      {view.span !== '25d' && <p><button type="button" class="link" onClick={() => go({ span: '25d' })}>Look at the last 25 days</button></p>}
    </Empty>
  );
}

// useFields is what a condition may ask for, with values that are known here.
function useFields(sensors: Sensor[]): ConditionFields {
  const [known, set] = useState<ConditionFields>({ fields: [], groups: [], zone: 'UTC' });
  useEffect(() => void searchAPI.fields().then(set, () => {}), []); // without them nothing is offered
  return useMemo(() => {
    const numbers = sensors.map((s) => String(s.id_sensor));
    return { ...known, fields: known.fields.map((f) => (f.name === 'sensor' ? { ...f, words: numbers } : f)) };
  }, [known, sensors]);
}

function useSensors(): Sensor[] | null {
  const [sensors, set] = useState<Sensor[] | null>(null);
  useEffect(() => void api.sensors().then(set, () => {}), []); // the figures' own request reports what is wrong
  return sensors;
}

// wallHeight is that of a chart, so that all fit on a wide screen.
const wallHeight = () => (innerWidth < 1500 ? 160 : Math.max(110, Math.floor((innerHeight - 214) / (PANELS.length / 3) - 66)));

// useWall hides what is around the page; Escape brings it back.
function useWall(view: View) {
  useEffect(() => {
    if (!view.wall) return;
    document.documentElement.dataset.wall = '1';
    const key = (e: KeyboardEvent) => e.key === 'Escape' && navigate(viewPath({ ...view, wall: false }), 'replace');
    document.addEventListener('keydown', key);
    return () => {
      delete document.documentElement.dataset.wall;
      document.removeEventListener('keydown', key);
    };
  }, [view]);
}

// usePrint has the charts painted for white paper.
function usePrint() {
  useEffect(() => {
    let theme: string | undefined;
    const before = () => {
      theme = document.documentElement.dataset.theme;
      document.documentElement.dataset.theme = 'light';
      dispatchEvent(new Event('repaint'));
    };
    const after = () => {
      if (theme) document.documentElement.dataset.theme = theme;
      else delete document.documentElement.dataset.theme;
      dispatchEvent(new Event('repaint'));
    };
    addEventListener('beforeprint', before);
    addEventListener('afterprint', after);
    return () => {
      removeEventListener('beforeprint', before);
      removeEventListener('afterprint', after);
    };
  }, []);
}

const text = (us: number, zone: 'utc' | 'local') => `${date(us, zone)} ${clock(us, zone).slice(0, 5)}`;
const step = (s: number) => (s < 3600 ? `${s / 60} min` : s < 86_400 ? `${s / 3600} h` : `${s / 86_400} d`);
