// The audit log: who listened, downloaded, changed what, from where, how many bytes.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { aborted, api, asProblem } from '../api/client';
import type { AuditEntry, Problem } from '../api/types';
import { bytes } from '../format';
import { callPath, navigate } from '../router';
import { RANGES, SECONDS, type Range } from '../query';
import { usePrefs } from '../prefs';
import { rfc3339, zoneName } from '../time';
import { Empty, Moment, Pill, ProblemBox, useTitle } from '../ui/bits';
import type { Tone } from '../words';

const PAGE = 200;

// ACTIONS are the kinds of entries in words; those that look into calls or were refused stand out.
const ACTIONS: Record<string, [string, Tone]> = {
  'audio.open': ['opened the voice', 'info'], 'audio.listen': ['listened', 'info'], 'capture.open': ['opened packets', 'info'], 'capture.download': ['downloaded', 'info'],
  'export.open': ['opened an export', 'info'], 'export.download': ['exported calls', 'info'], 'search.save': ['saved a search', 'quiet'], 'search.remove': ['removed a search', 'quiet'],
  'rules.change': ['changed rules', 'warn'], login: ['logged in', 'quiet'], 'login-failed': ['failed to log in', 'bad'], logout: ['logged out', 'quiet'],
  'token.create': ['made an API token', 'warn'], 'token.remove': ['removed an API token', 'warn'], 'sensor.token': ['made a sensor token', 'warn'], 'sensor.revoke': ['revoked a sensor', 'warn'],
  'user.add': ['added a user', 'warn'], 'user.password': ['set a password', 'warn'], 'user.role': ['changed role or rights', 'warn'], 'user.remove': ['removed a user', 'warn'],
  'user.disable': ['disabled a user', 'warn'], 'user.enable': ['enabled a user', 'warn'], 'user.link': ['linked an OpenID user', 'warn'], 'user.unlink': ['unlinked OpenID', 'warn'],
  'session.end': ['ended sessions', 'quiet'], 'mcp.call': ['assistant asked', 'info'],
  'tenant.add': ['made the tenant', 'warn'], 'tenant.set': ['changed the tenant', 'warn'],
  'alert.change': ['changed an alert', 'warn'], 'alert.remove': ['removed an alert', 'warn'], 'alert.test': ['sent a test message', 'quiet'], 'alert.acknowledge': ['sees to an alert', 'quiet'],
  'receiver.change': ['changed a receiver', 'warn'], 'receiver.remove': ['removed a receiver', 'warn'], 'silence.add': ['silenced alerts', 'warn'], 'silence.end': ['ended a silence', 'quiet'],
};

export interface AuditFilter {
  user: string;
  action: string;
  range: Range;
}

export function parseAudit(p: URLSearchParams): AuditFilter {
  const range = p.get('range') ?? '';
  return { user: p.get('user')?.trim() ?? '', action: p.get('action') ?? '', range: range in SECONDS ? (range as Range) : 'all' };
}

export function auditPath(f: AuditFilter): string {
  const p = new URLSearchParams();
  if (f.user) p.set('user', f.user);
  if (f.action) p.set('action', f.action);
  if (f.range !== 'all') p.set('range', f.range);
  return p.size ? `/audit?${p}` : '/audit';
}

export function AuditPage({ query }: { query: string }) {
  const filter = parseAudit(new URLSearchParams(query));
  const { zone } = usePrefs();
  const [list, setList] = useState<AuditEntry[] | null>(null);
  const [end, setEnd] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const busy = useRef<AbortController | null>(null);
  useTitle('Audit');

  const load = useCallback(
    (old: AuditEntry[]) => {
      busy.current?.abort();
      const mine = (busy.current = new AbortController());
      const f = parseAudit(new URLSearchParams(query));
      const p = new URLSearchParams({ limit: String(PAGE) });
      if (f.user) p.set('user', f.user);
      if (f.action) p.set('action', f.action);
      const seconds = SECONDS[f.range];
      if (seconds) p.set('from', rfc3339(Date.now() * 1000 - seconds * 1e6));
      if (old.length) p.set('after', old.at(-1)!.id);
      api.audit(p, mine.signal).then(
        (page) => {
          setList([...old, ...page]);
          setEnd(page.length < PAGE);
          setProblem(null);
        },
        (e) => aborted(e) || setProblem(asProblem(e)),
      );
    },
    [query],
  );
  useEffect(() => {
    window.scrollTo(0, 0);
    load([]);
    return () => busy.current?.abort();
  }, [load]);

  const change = (c: Partial<AuditFilter>) => navigate(auditPath({ ...filter, ...c }), 'replace');
  return (
    <div class="page audit">
      <div class="panel-head">
        <h1>Audit log</h1>
        <form class="filters-inline" onSubmit={(e) => e.preventDefault()}>
          <input aria-label="User" placeholder="User" size={12} key={filter.user} defaultValue={filter.user} onChange={(e) => change({ user: e.currentTarget.value.trim() })} autoComplete="off" spellcheck={false} />
          <select aria-label="Action" value={filter.action} onChange={(e) => change({ action: e.currentTarget.value })}>
            <option value="">All actions</option>
            {Object.entries(ACTIONS).map(([a, [word]]) => <option key={a} value={a}>{word}</option>)}
            {filter.action && !ACTIONS[filter.action] && <option value={filter.action}>{filter.action}</option>}
          </select>
          <select aria-label="Time range" value={filter.range} onChange={(e) => change({ range: e.currentTarget.value as Range })}>
            {Object.entries(RANGES).filter(([k]) => k !== 'custom').map(([k, word]) => <option key={k} value={k}>{word}</option>)}
          </select>
        </form>
      </div>
      {problem && <ProblemBox problem={problem} retry={() => load(list ?? [])} />}
      {list?.length === 0 && (
        <Empty title="Nothing is recorded of that">
          <p>Logins, listening, downloads and changes are written here as they happen.</p>
          {auditPath(filter) !== '/audit' && <p><button type="button" class="primary" onClick={() => navigate('/audit', 'replace')}>Clear the filter</button></p>}
        </Empty>
      )}
      {list !== null && list.length > 0 && (
        <>
          <table class="data stacked cards">
            <thead>
              <tr><th>Time <small>{zoneName(zone)}</small></th><th>User</th><th>Action</th><th>What</th><th class="n">Bytes</th><th>From</th></tr>
            </thead>
            <tbody>
              {list.map((e) => (
                <tr key={e.id} data-action-name={e.action}>
                  <td data-label="Time"><Moment t={e.time} /></td>
                  <td data-label="User">{e.user ? <button type="button" class="link" onClick={() => change({ user: e.user })}>{e.user}</button> : <span class="quiet">–</span>}</td>
                  <td data-label="Action"><Pill tone={ACTIONS[e.action]?.[1] ?? 'quiet'}>{ACTIONS[e.action]?.[0] ?? e.action}</Pill></td>
                  <td data-label="What" class="what"><What entry={e} /></td>
                  <td data-label="Bytes" class="n">{e.bytes ? bytes(e.bytes) : ''}</td>
                  <td data-label="From" class="mono">{e.addr}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="tail quiet">{end ? 'No older entries.' : <button type="button" class="link" onClick={() => load(list)}>Load more</button>}</p>
        </>
      )}
    </div>
  );
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function What({ entry: e }: { entry: AuditEntry }) {
  const call = /^(audio|capture)\./.test(e.action) && UUID.test(e.object);
  return (
    <>
      {call ? <a href={callPath(e.object)}>call {e.object}</a> : e.object}
      {e.detail && <span class="quiet"> {e.detail}</span>}
    </>
  );
}
