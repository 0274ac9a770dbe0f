// The other legs of a call's conversation: what a PBX made of it, where it was forked or transferred to.

import { useEffect, useState } from 'preact/hooks';
import { api } from '../api/client';
import type { CDR } from '../api/types';
import { duration, party } from '../format';
import { usePrefs } from '../prefs';
import { callPath } from '../router';
import { clock, micros } from '../time';
import { Pill, Quality } from '../ui/bits';
import { status, statusTone } from '../words';

const MOST = 100; // legs that are asked for

// useLegs asks for the ended calls of the conversation that a call belongs to, itself among them, the first that began first.
export function useLegs(cdr: CDR | null): CDR[] {
  const [legs, setLegs] = useState<CDR[]>([]);
  const group = cdr?.end ? cdr.group_id : '';
  useEffect(() => {
    setLegs([]);
    if (!group) return;
    const control = new AbortController();
    api.calls(new URLSearchParams({ group, limit: String(MOST) }), control.signal).then((p) => setLegs(inOrder(p.calls)), () => {}); // then none is shown
    return () => control.abort();
  }, [group]);
  return legs;
}

export const inOrder = (calls: CDR[]) => [...calls].sort((a, b) => (micros(a.start) ?? 0) - (micros(b.start) ?? 0));

export function Legs({ cdr, legs }: { cdr: CDR; legs: CDR[] }) {
  const { zone } = usePrefs();
  if (legs.length < 2) return null;
  const sensors = new Set(legs.map((c) => c.sensor_id)).size;
  return (
    <section class="panel legs" aria-labelledby="legs">
      <h2 id="legs">Conversation <small class="quiet">{legs.length} legs</small></h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Legs">
        <table class="data">
          <thead>
            <tr><th>Call</th><th>Start</th><th class="n">Duration</th><th>Status</th><th>MOS</th>{sensors > 1 && <th class="n">Sensor</th>}</tr>
          </thead>
          <tbody>
            {legs.map((c) => {
              const parties = `${party(c.caller, c.caller_name, c.caller_domain)} → ${party(c.callee || c.callee_uri, '', c.callee_domain)}`;
              return (
                <tr key={c.id} aria-current={c.id === cdr.id ? 'true' : undefined}>
                  <td>{c.id === cdr.id ? <strong>{parties}</strong> : <a href={callPath(c.id)} title={c.call_id}>{parties}</a>}</td>
                  <td><time dateTime={c.start ?? undefined}>{clock(micros(c.start) ?? 0, zone, 3)}</time></td>
                  <td class="n">{duration(c.duration_ms)}</td>
                  <td><Pill tone={statusTone(c.status)}>{status(c.status, c.reason)}</Pill></td>
                  <td><Quality mos={c.mos} /></td>
                  {sensors > 1 && <td class="n">{c.sensor_id}</td>}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
