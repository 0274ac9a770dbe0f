// The calls list: running calls on top, ended ones below, newest first.

import { useCallback, useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { api } from '../api/client';
import { lasting, watchLive, type LiveState } from '../api/live';
import type { Sensor, User } from '../api/types';
import { searchAPI, type ConditionFields } from '../api/search';
import { count, listens, plural } from '../format';
import { usePrefs } from '../prefs';
import { describe, EVERYTHING, inRange, isNarrow, pageQuery, parseFilter, type Filter } from '../query';
import { callPath, callsPath, navigate } from '../router';
import { ago, clock, dateTime, micros, zoneName } from '../time';
import { Empty, ProblemBox, useMedia, useNow, useTitle } from '../ui/bits';
import { keepScroll, keptScroll, NEWEST, useCallList, type CallList } from './calllist';
import { endedRow, liveRow } from './callrows';
import { CallTable, type Item } from './calltable';
import { chosen, USUAL } from './columns';
import { DownloadAll } from '../download/all';
import { ListTools } from '../search/tools';
import { FilterBar, FINDINGS } from './filterbar';

const FEW_LIVE = 8; // running calls that show before "show all"

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
      {empty ? <WhyEmpty filter={filter} clear={() => setFilter(EVERYTHING)} sensors={sensors} user={user} /> : <CallTable items={items} href={callPath} columns={small ? USUAL : columns} small={small} more={more} oldest={filter.oldest} turn={() => setFilter({ ...filter, oldest: !filter.oldest })} />}
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
  if (live.problem?.code === 'bad-condition') return null; // the search field says it
  if (live.problem) return <span class="quiet">Live calls: {live.problem.title}{lasting(live.problem) ? '' : '; trying again'}</span>;
  const at = micros(live.at);
  const paired = sensors?.filter((s) => !s.revoked);
  const online = paired?.filter((s) => s.online).length ?? 0;
  const offline = (paired?.length ?? 0) - online;
  return (
    <span>
      <span class="dot" aria-hidden="true" /> {plural(live.calls.length, 'call')} running
      <span class="quiet">
        {paired && ` on ${plural(online, 'sensor')}`}
        {offline > 0 && <>, <a href="/sensors">{offline} offline</a></>}
        {at !== null && ` · ${clock(at, zone)} ${zone === 'utc' ? 'UTC' : ''}`}
      </span>
    </span>
  );
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
        {!/[:=<>~]/.test(filter.where) && <p>A number alone is looked for from its beginning (+420 …), an address and a Call-ID whole; any other word anywhere in numbers, names, addresses and Call-IDs.</p>}
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
