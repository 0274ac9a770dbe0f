// The calls list: running calls on top, ended ones below, newest first.

import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { api } from '../api/client';
import { watchLive, type LiveState } from '../api/live';
import type { Sensor, User } from '../api/types';
import { searchAPI, type ConditionFields } from '../api/search';
import { count, listens, NONE, plural } from '../format';
import { usePrefs } from '../prefs';
import { describe, EVERYTHING, inRange, isNarrow, pageQuery, parseFilter, type Filter } from '../query';
import { callPath, callsPath, navigate } from '../router';
import { ago, clock, date, dateTime, micros, zoneName } from '../time';
import { Empty, ProblemBox, useMedia, useNow, useTitle } from '../ui/bits';
import { typing } from '../ui/keys';
import { edges, VirtualRows } from '../ui/virtual';
import { keepScroll, keptScroll, NEWEST, useCallList, type CallList } from './calllist';
import { endedRow, liveRow, type CallRow } from './callrows';
import { chosen, isUsual, USUAL, type Column } from './columns';
import { DownloadAll } from '../download/all';
import { ListTools } from '../search/tools';
import { FilterBar, FINDINGS } from './filterbar';

const FEW_LIVE = 8; // running calls that show before "show all"

// Heights in pixels, as in calls.css: a row, and the card that it becomes in a narrow window.
const ROW = 34;
const CARD = 78;

type Item = { kind: 'call'; row: CallRow } | { kind: 'head'; key: string; text: string; action?: { text: string; run: () => void } };

export function CallsPage({ query, user }: { query: string; user: User }) {
  const filter = useMemo(() => parseFilter(new URLSearchParams(query)), [query]);
  const { live: liveOn, columns: names } = usePrefs();
  const { list, more, reload } = useCallList(query);
  const live = useLive(liveOn, filter.where);
  const sensors = useSensors();
  const known = useFields(sensors);
  const columns = useMemo(() => chosen(names), [names]);
  const small = useMedia('(max-width: 760px)');
  useTitle('Calls');
  useScrollMemory(query, list.loaded);

  const setFilter = useCallback((f: Filter) => navigate(callsPath(pageQuery(f)), 'replace'), []);
  const items = useItems(list, live, filter);
  const empty = list.loaded && !list.problem && items.length === 0 && !list.next;
  useSearchOn(list, more);

  return (
    <div class="calls">
      <h1 class="sr">Calls</h1>
      <FilterBar filter={filter} set={setFilter} sensors={sensors ?? []} live={liveOn} known={known}>
        <ListTools filter={filter} set={setFilter} user={user} columns={columns} />
      </FilterBar>
      <div class="summary" role="status">
        {liveOn && sensors?.length !== 0 && <LiveSummary live={live} sensors={sensors} />}
        {list.fresh > 0 && (
          <button type="button" class="fresh" onClick={reload}>
            {list.fresh >= NEWEST ? `${NEWEST} or more` : list.fresh} new {list.fresh === 1 ? 'call' : 'calls'} · show
          </button>
        )}
        {list.calls.length > 0 && <DownloadAll filter={filter} user={user} />}
      </div>
      {list.problem && <ProblemBox problem={list.problem} retry={reload} />}
      {empty ? <WhyEmpty filter={filter} clear={() => setFilter(EVERYTHING)} sensors={sensors} user={user} /> : <Table items={items} columns={small ? USUAL : columns} small={small} more={more} oldest={filter.oldest} turn={() => setFilter({ ...filter, oldest: !filter.oldest })} />}
      {(list.calls.length > 0 || list.next !== '') && (
        <p class="tail quiet">
          {list.searched && <Searched at={list.searched} found={list.calls.length} oldest={filter.oldest} />}
          {list.next ? (
            <button type="button" class="link" onClick={more} disabled={list.loading}>{list.loading ? (list.searched ? 'Searching on …' : 'Loading …') : list.searched ? 'Search on' : 'Load more'}</button>
          ) : (
            `${plural(list.calls.length, 'call')}, no ${filter.oldest ? 'newer' : 'older'} ones${isNarrow(filter) ? ' match' : ''}`
          )}
        </p>
      )}
    </div>
  );
}

// Searched says how far back was looked, where that takes long.
function Searched({ at, found, oldest }: { at: string; found: number; oldest: boolean }) {
  const { zone } = usePrefs();
  return <span role="status">{plural(found, 'call')} {oldest ? 'until' : 'since'} {dateTime(micros(at) ?? 0, zone)} {zoneName(zone)}; {oldest ? 'newer' : 'older'} ones have not been searched yet. </span>;
}

const ENOUGH = 50; // calls

// useSearchOn goes on by itself while a search has found little.
function useSearchOn(list: CallList, more: () => void) {
  useEffect(() => {
    if (list.searched && list.calls.length < ENOUGH && !document.hidden) more();
  }, [list.next, list.searched, list.calls.length, more]);
}

function useLive(on: boolean, where: string): LiveState | null {
  const [state, setState] = useState<LiveState | null>(null);
  useEffect(() => {
    setState(null);
    return on ? watchLive(setState, where) : undefined;
  }, [on, where]);
  return state;
}

// useFields is what a condition may ask for, with values that are known here.
function useFields(sensors: Sensor[] | null): ConditionFields {
  const [known, set] = useState<ConditionFields>({ fields: [], groups: [], zone: 'UTC' });
  useEffect(() => void searchAPI.fields().then(set, () => {}), []); // without them nothing is offered
  return useMemo(() => {
    const words: Record<string, string[]> = { finding: FINDINGS, sensor: (sensors ?? []).map((s) => String(s.id_sensor)) };
    return { ...known, fields: known.fields.map((f) => (words[f.name] ? { ...f, words: words[f.name]! } : f)) };
  }, [known, sensors]);
}

function useSensors(): Sensor[] | null {
  const [sensors, set] = useState<Sensor[] | null>(null);
  useEffect(() => {
    const load = () => void api.sensors().then(set, () => {}); // the list's own request reports what is wrong
    load();
    const t = setInterval(load, 15_000);
    return () => clearInterval(t);
  }, []);
  return sensors;
}

function useScrollMemory(query: string, loaded: boolean) {
  useLayoutEffect(() => {
    if (loaded) window.scrollTo(0, keptScroll(query));
  }, [query, loaded]);
  useEffect(() => {
    const f = () => keepScroll(query);
    window.addEventListener('scroll', f, { passive: true });
    return () => window.removeEventListener('scroll', f);
  }, [query]);
}

function useItems(list: CallList, live: LiveState | null, filter: Filter): Item[] {
  const now = useNow(1000);
  const [all, setAll] = useState(false);
  const ended = useMemo(() => list.calls.map((c): Item => ({ kind: 'call', row: endedRow(c) })), [list.calls]);
  return useMemo(() => {
    const running = (live?.calls ?? []).filter((c) => inRange(filter, c, now));
    if (running.length === 0) return ended;
    const shown = all ? running : running.slice(0, FEW_LIVE);
    const head: Item = { kind: 'head', key: 'live', text: `Running: ${count(running.length)}` };
    if (running.length > FEW_LIVE) head.action = { text: all ? 'Show fewer' : `Show all ${count(running.length)}`, run: () => setAll(!all) };
    const rows = shown.map((c): Item => ({ kind: 'call', row: liveRow(c, now) }));
    return ended.length ? [head, ...rows, { kind: 'head', key: 'ended', text: 'Ended' }, ...ended] : [head, ...rows];
  }, [live, filter, ended, all, now]);
}

function LiveSummary({ live, sensors }: { live: LiveState | null; sensors: Sensor[] | null }) {
  const { zone } = usePrefs();
  if (!live || (!live.connected && !live.problem)) return <span class="quiet">Connecting to the sensors …</span>;
  if (live.problem) return <span class="quiet">Live calls: {live.problem.title}; trying again</span>;
  const at = micros(live.at);
  const online = sensors?.filter((s) => s.online).length;
  return (
    <span>
      <span class="dot" aria-hidden="true" /> {plural(live.calls.length, 'call')} running
      <span class="quiet">
        {online !== undefined && ` on ${plural(online, 'sensor')}`}
        {at !== null && ` · ${clock(at, zone)} ${zone === 'utc' ? 'UTC' : ''}`}
      </span>
    </span>
  );
}

interface TableProps {
  items: Item[];
  columns: Column[];
  small: boolean;
  more: () => void;
  oldest: boolean; // come first
  turn: () => void; // the order around
}

function Table({ items, columns, small, more, oldest, turn }: TableProps) {
  const { zone } = usePrefs();
  const box = useRef<HTMLDivElement>(null);
  const places = useMemo(() => edges(items.length, (i) => (small && items[i]!.kind === 'call' ? CARD : ROW)), [items, small]);
  useRowKeys(box, items, places);
  const own = !isUsual(columns);
  const style = own ? { '--tracks': columns.map((c) => c.track).join(' '), minWidth: `${columns.reduce((w, c) => w + c.least + 12, 32)}px` } : undefined;
  return (
    <div ref={box} class={own ? 'table own' : 'table'} style={style} role="table" aria-label="Calls" aria-rowcount={items.length + 1}>
      <div role="rowgroup" class="head">
        <div role="row" class="row">
          {columns.map((c) => (
            <span key={c.name} role="columnheader" class={c.mark} title={c.doc} {...(c.name === 'start' ? { 'aria-sort': oldest ? 'ascending' : 'descending' } : {})}>
              {c.name === 'start' ? <button type="button" class="turn" onClick={turn} title={oldest ? 'The oldest first; turn around' : 'The newest first; turn around'}>{c.head} {oldest ? '↑' : '↓'}</button> : c.head}
              {' '}{TIMES.has(c.name) && <small>{zoneName(zone)}</small>}
            </span>
          ))}
        </div>
      </div>
      <VirtualRows
        edges={places}
        nearEnd={more}
        render={(i) => {
          const item = items[i]!;
          return item.kind === 'head' ? <HeadRow key={item.key} item={item} /> : <Row key={item.row.id} row={item.row} columns={columns} index={i} small={small} />;
        }}
      />
    </div>
  );
}

const TIMES = new Set(['start', 'ringing', 'answer', 'end']);

function HeadRow({ item }: { item: Extract<Item, { kind: 'head' }> }) {
  return (
    <div role="row" class="row group">
      <span role="cell">
        {item.text}{' '}
        {item.action && <button type="button" class="link" onClick={item.action.run}>{item.action.text}</button>}
      </span>
    </div>
  );
}

// Row is a call. Its link covers the row; it is the time, or stands before the first cell.
function Row({ row, columns, index, small }: { row: CallRow; columns: Column[]; index: number; small: boolean }) {
  const { zone } = usePrefs();
  const us = micros(row.start);
  const time = us === null ? NONE : small ? `${date(us, zone).slice(5)} ${clock(us, zone)}` : dateTime(us, zone);
  const at = Math.max(0, columns.findIndex((c) => c.name === 'start'));
  const link = (content: ComponentChildren) => <a href={callPath(row.id)} data-call={row.id} aria-label={`Call from ${row.caller} to ${row.callee}, ${time}`}>{content}</a>;
  return (
    <div role="row" class={row.live ? 'row live' : 'row'} data-index={index} aria-rowindex={index + 2}>
      {columns.map((c, i) => {
        const cell = c.name === 'start' ? time : c.cell(row, zone);
        return <span key={c.name} role="cell" class={c.mark} title={c.tip?.(row)}>{i === at ? link(cell) : cell}</span>;
      })}
    </div>
  );
}

// useRowKeys: j and k walk the rows; Enter is the focused link's own.
function useRowKeys(box: { current: HTMLDivElement | null }, items: Item[], places: Float64Array) {
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      const step = e.key === 'j' || e.key === 'ArrowDown' ? 1 : e.key === 'k' || e.key === 'ArrowUp' ? -1 : 0;
      const rows = box.current?.querySelector('.virtual');
      if (!step || !rows || typing(e)) return;
      const at = document.activeElement?.closest<HTMLElement>('[data-index]');
      if (!at && e.key.startsWith('Arrow')) return; // arrows scroll until a row has the focus
      let i = at ? Number(at.dataset.index) + step : places.findIndex((y) => y + rows.getBoundingClientRect().top >= covered(rows));
      while (items[i]?.kind === 'head') i += step;
      if (!items[i]) return;
      e.preventDefault();
      focusRow(rows, i, places);
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [box, items, places]);
}

// covered is how far down the window what sticks to its top lies over the rows.
function covered(rows: Element): number {
  const bottom = (e: Element | null | undefined) => e?.getBoundingClientRect().bottom ?? 0;
  return Math.floor(Math.max(bottom(document.querySelector('.bar')), bottom(rows.parentElement?.querySelector('.head'))));
}

function focusRow(rows: Element, index: number, places: Float64Array) {
  const top = rows.getBoundingClientRect().top + places[index]!;
  const bottom = rows.getBoundingClientRect().top + places[index + 1]!;
  if (top < covered(rows)) window.scrollBy(0, top - covered(rows));
  else if (bottom > window.innerHeight) window.scrollBy(0, bottom - window.innerHeight + 4);
  const focus = (tries: number) => {
    const a = rows.querySelector<HTMLElement>(`[data-index="${index}"] a`);
    if (a) a.focus({ preventScroll: true });
    else if (tries > 0) requestAnimationFrame(() => focus(tries - 1)); // the row is drawn after the scroll event
  };
  focus(5);
}

// WhyEmpty says why the list holds nothing and what helps.
function WhyEmpty({ filter, clear, sensors, user }: { filter: Filter; clear: () => void; sensors: Sensor[] | null; user: User }) {
  const now = useNow(10_000);
  const paired = sensors?.filter((s) => !s.revoked) ?? [];
  if (sensors && paired.length === 0) {
    return (
      <Empty title="No sensor is paired yet">
        <p>Calls come from sensors: sensord beside your PBX analyses its SIP and RTP and sends one record for each call.</p>
        {user.role === 'admin' ? (
          <p><a class="primary" href="/sensors?add=1">Add a sensor</a></p>
        ) : (
          <p>An administrator of {user.tenant} can add one on the page <a href="/sensors">Sensors</a>.</p>
        )}
      </Empty>
    );
  }
  if (isNarrow(filter)) {
    return (
      <Empty title="No call matches">
        <p>Asked for: {describe(filter).join(', ')}.</p>
        <p>A number alone is looked for from its beginning (+420 …), an address and a Call-ID whole; any other word anywhere in numbers, names, addresses and Call-IDs.</p>
        <p><button type="button" class="primary" onClick={clear}>Clear the filter</button></p>
      </Empty>
    );
  }
  if (!sensors) return null;
  const online = paired.filter((s) => s.online);
  return (
    <Empty title="No call has ended yet">
      {online.length === 0 ? (
        <p>
          No sensor is online. {paired.map((s) => `${s.name} was last seen ${s.last_seen ? ago(micros(s.last_seen)!, now) : 'never'}`).join(', ')}.
        </p>
      ) : (
        <p>
          {online.map((s) => `${s.name} is online and listens to ${listens(s.source) || 'no source'}`).join('; ')}. A call shows here when it ends, and above while it runs.
        </p>
      )}
      <p>If calls take place and none shows, <code>voipmon doctor</code> on the sensor&apos;s machine says why. See also <a href="/sensors">Sensors</a>.</p>
    </Empty>
  );
}
