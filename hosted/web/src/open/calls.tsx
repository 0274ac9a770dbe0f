// The calls of the open capture: what was read, a search, the list.

import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { searchAPI, type ConditionFields } from '../api/search';
import { bytes, count, plural } from '../format';
import { FINDINGS } from '../pages/filterbar';
import { CallTable, type Item } from '../pages/calltable';
import { endedRow } from '../pages/callrows';
import { chosen, USUAL } from '../pages/columns';
import { usePrefs } from '../prefs';
import { navigate, openPath } from '../router';
import { SearchField } from '../search/field';
import { dateTime, micros, zoneName } from '../time';
import { Empty, ProblemBox, useMedia } from '../ui/bits';
import { useSlash } from '../ui/keys';
import { meaning } from './counters';
import type { Engine, Report } from './engine';
import { useFound } from './found';
import { Choose } from './page';
import { SaveButton } from './save';
import { close, type Opened } from './state';
import { asGiven } from './texts';

let scroll = 0; // of the list, for those who come back to it

export function OpenedCalls({ opened, where }: { opened: Opened; where: string }) {
  const engine = opened.engine!;
  const report = opened.report!;
  const [newest, setNewest] = useState(false);
  const [found, more] = useFound(engine, where, newest);
  const { columns: names } = usePrefs();
  const columns = useMemo(() => chosen(names), [names]);
  const small = useMedia('(max-width: 760px)');
  const known = useFields(engine);
  const items = useMemo(() => found.calls.map((c): Item => ({ kind: 'call', row: endedRow(c) })), [found.calls]);
  const search = useCallback((w: string) => navigate(openPath(w), 'replace'), []);
  const check: typeof searchAPI.check = useCallback((w, signal) => engine.json(`/searches/check?${new URLSearchParams({ where: w })}`, signal), [engine]);
  useScroll(found.loaded);

  return (
    <div class="calls">
      <Head opened={opened} />
      <Report report={report} keylog={opened.keylog !== ''} stopped={opened.stopped} />
      {report.calls > 0 && (
        <form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
          <Field where={where} search={search} known={known} check={check} />
          <span class="tools">
            <SaveButton engine={engine} target={`/calls.csv?${new URLSearchParams({ where })}`} icon="export" action="csv">CSV</SaveButton>
            <SaveButton engine={engine} target={`/calls.ndjson?${new URLSearchParams({ where })}`} icon="export" action="json">JSON lines</SaveButton>
          </span>
        </form>
      )}
      {found.problem && <ProblemBox problem={found.problem} />}
      {found.loaded && items.length === 0 && !found.problem ? (
        <Nothing report={report} where={where} clear={() => search('')} />
      ) : (
        <CallTable items={items} href={(id) => openPath(where, id)} columns={small ? USUAL : columns} small={small} more={more} oldest={!newest} turn={() => setNewest(!newest)} />
      )}
      {items.length > 0 && !found.next && <p class="tail quiet">{where ? `${count(items.length)} of ${plural(report.calls, 'call')}` : plural(items.length, 'call')}</p>}
    </div>
  );
}

function Head({ opened: o }: { opened: Opened }) {
  return (
    <header class="opened-head">
      <h1>{o.names[0]}{o.names.length > 1 && <small> and {plural(o.names.length - 1, 'more file')}, as one</small>}</h1>
      <span class="quiet">{bytes(o.size)}{o.keylog && `, TLS keys of ${o.keylog}`}, read here in {o.seconds.toFixed(1)} s; nothing was sent</span>
      <span class="buttons">
        <Choose>Open another</Choose>
        <button type="button" onClick={close}>Close</button>
      </span>
    </header>
  );
}

interface FieldProps {
  where: string;
  search: (w: string) => void;
  known: ConditionFields;
  check: typeof searchAPI.check;
}

function Field({ where, search, known, check }: FieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useSlash(field);
  return <SearchField value={where} set={search} known={known} field={field} read={check} />;
}

function useFields(engine: Engine): ConditionFields {
  const [known, set] = useState<ConditionFields>({ fields: [], groups: [], zone: 'UTC' });
  useEffect(() => {
    engine.json<ConditionFields>('/searches/fields').then(
      (k) => set({ ...k, fields: k.fields.map((f) => (f.name === 'finding' ? { ...f, words: FINDINGS } : f)) }),
      () => {}, // without them nothing is offered
    );
  }, [engine]);
  return known;
}

function useScroll(loaded: boolean) {
  useLayoutEffect(() => {
    if (loaded) window.scrollTo(0, scroll);
  }, [loaded]);
  useEffect(() => {
    const f = () => {
      if (location.pathname === '/open') scroll = window.scrollY;
    };
    window.addEventListener('scroll', f, { passive: true });
    return () => window.removeEventListener('scroll', f);
  }, []);
}

// Report says what was read, and everything that was not understood.
function Report({ report: r, keylog, stopped }: { report: Report; keylog: boolean; stopped: boolean }) {
  const { zone } = usePrefs();
  const time = (t: string | null) => dateTime(micros(t) ?? 0, zone);
  const outside = r.transactions_ok + r.transactions_refused + r.transactions_unanswered;
  const secret = !keylog && r.not_analysed.some((n) => n.name === 'tls.streams');
  return (
    <div class="report">
      <p>
        <strong>{plural(r.calls, 'call')}</strong>, {plural(r.streams, 'stream')}, {plural(r.sip_messages, 'SIP message')}, {plural(r.rtp_packets, 'RTP packet')} of {plural(r.packets, 'packet')}
        {r.first && <span class="quiet">, {time(r.first)} to {time(r.last)} {zoneName(zone)}</span>}
        {outside > 0 && <>; outside of calls {plural(outside, 'transaction')}<span class="quiet">, {count(r.transactions_refused)} refused, {count(r.transactions_unanswered)} unanswered</span></>}.
      </p>
      {stopped && <p class="notice warn">You stopped the reading: what came behind is not here, and calls that ran then count as unterminated.</p>}
      {!stopped && r.error && <p class="notice bad">The reading ended early: {asGiven(r.error)}.</p>}
      {r.warnings.map((w) => <p key={w.input + w.offset} class="notice warn">{asGiven(w.input)}: at byte {count(w.offset)}: {w.text}</p>)}
      {secret && <p class="notice warn">There are TLS connections. If they carry SIP, open the capture together with its key log (SSLKEYLOGFILE).</p>}
      {r.not_analysed.length > 0 && (
        <details>
          <summary>{plural(r.not_analysed.length, 'thing')} not analysed, or only in part</summary>
          <table class="data">
            <tbody>
              {r.not_analysed.map((n) => (
                <tr key={n.name}><td class="n">{count(n.count)}</td><td>{meaning(n.name)}</td><td><code>{n.name}</code></td></tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </div>
  );
}

function Nothing({ report: r, where, clear }: { report: Report; where: string; clear: () => void }) {
  if (where && r.calls > 0) {
    return (
      <Empty title="No call matches">
        <p>Asked for: <code>{where}</code></p>
        <p><button type="button" class="primary" onClick={clear}>Clear the search</button></p>
      </Empty>
    );
  }
  return (
    <Empty title="No call in this capture">
      {r.packets === 0 ? <p>It holds no packet.</p> : r.sip_messages === 0 ? (
        <p>None of its {plural(r.packets, 'packet')} is SIP that can be read. Calls are found by their SIP; the list of what was not analysed says what is there instead.</p>
      ) : (
        <p>It holds {plural(r.sip_messages, 'SIP message')}, and none of them begins a call: there is no INVITE, or only registrations and the like.</p>
      )}
    </Empty>
  );
}
