// The other legs of a call's conversation: what a PBX made of it, where it was forked or transferred to.

import { useEffect, useState } from 'preact/hooks';
import { api } from '../api/client';
import type { CallPage, CDR, Message } from '../api/types';
import { duration, party } from '../format';
import { usePrefs } from '../prefs';
import { callPath } from '../router';
import { clock, micros } from '../time';
import { Pill, Quality } from '../ui/bits';
import { status, statusTone } from '../words';

const MOST = 100; // legs that are asked for
const DRAWN = 20; // legs in one ladder

// Records is where calls are asked for: hosted, or a capture that is open.
export interface Records {
  calls(query: URLSearchParams, signal: AbortSignal): Promise<CallPage>;
  call(id: string, signal: AbortSignal): Promise<CDR>;
}

// useLegs asks for the ended calls of the conversation that a call belongs to, itself among them, the first that began first.
export function useLegs(cdr: CDR | null, from: Records = api): CDR[] {
  const [legs, setLegs] = useState<CDR[]>([]);
  const group = cdr?.end ? cdr.group_id : '';
  useEffect(() => {
    setLegs([]);
    if (!group) return;
    const control = new AbortController();
    from.calls(new URLSearchParams({ group, limit: String(MOST) }), control.signal).then((p) => setLegs(inOrder(p.calls)), () => {}); // then none is shown
    return () => control.abort();
  }, [group, from]);
  return legs;
}

export const inOrder = (calls: CDR[]) => [...calls].sort((a, b) => (micros(a.start) ?? 0) - (micros(b.start) ?? 0));

// Conversation is the legs as one call, for a ladder of all; of says which leg a message is of.
export interface Conversation {
  whole: CDR;
  of: Map<Message, CDR>;
}

// useConversation asks for the records of all legs, once that is wanted; null: not there yet.
export function useConversation(legs: CDR[], wanted: boolean, from: Records = api): Conversation | null {
  const [all, setAll] = useState<Conversation | null>(null);
  useEffect(() => {
    setAll(null);
    if (!wanted) return;
    const control = new AbortController();
    Promise.all(legs.slice(0, DRAWN).map((c) => from.call(c.id, control.signal))).then((calls) => setAll(merged(calls)), () => {}); // then the call's own is shown
    return () => control.abort();
  }, [legs, wanted, from]);
  return all;
}

// merged puts the messages and the streams of legs together. What else there is is the first one's.
export function merged(legs: CDR[]): Conversation {
  const of = new Map(legs.flatMap((c) => c.messages.map((m) => [m, c] as const)));
  const sum = (f: (c: CDR) => number) => legs.reduce((n, c) => n + f(c), 0);
  const streams = new Map(legs.flatMap((c) => c.streams.map((s) => [`${s.src} ${s.dst} ${s.ssrc} ${s.first}`, s] as const))); // legs between the same endpoints have the same
  return {
    of,
    whole: {
      ...legs[0]!, messages: [...of.keys()].sort((a, b) => (micros(a.t) ?? 0) - (micros(b.t) ?? 0)), streams: [...streams.values()], messages_omitted: sum((c) => c.messages_omitted), retransmissions: sum((c) => c.retransmissions),
    },
  };
}

export function Legs({ cdr, legs, path = callPath }: { cdr: CDR; legs: CDR[]; path?: (id: string) => string }) {
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
                  <td>{c.id === cdr.id ? <strong>{parties}</strong> : <a href={path(c.id)} title={c.call_id}>{parties}</a>}</td>
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
