// The part of hosted's API that is about alerts, as openapi.yaml has it.

import { request } from './client';
import type { Severity } from './types';

type Time = string | null; // null: did not happen

export type By = 'tenant' | 'sensor' | 'source' | 'destination';
export type Phase = 'ok' | 'pending' | 'firing' | 'no-data' | 'off';
export type Side = 'above' | 'below';
export type Kind = 'webhook' | 'slack' | 'teams' | 'mail';

export interface Quiet {
  zone: string;
  from: string; // 22:00
  to: string;
  days: string[];
}

export interface Spec {
  name: string;
  enabled: boolean;
  note: string;
  metric: string;
  bound: number | null;
  finding: string;
  match: string;
  where: string;
  by: By;
  side: Side;
  threshold: number;
  over: number | null;
  last_week: boolean;
  window_ms: number;
  min_calls: number;
  hold_ms: number;
  resolve_ms: number;
  severity: Severity;
  receivers: number[];
  repeat_ms: number;
  quiet: Quiet | null;
}

export interface Point {
  t: string;
  v: number | null;
}

export interface KeyState {
  key: string;
  phase: Phase;
  since: Time;
  value: number | null;
  calls: number;
  seen: Time;
}

export interface Alert extends Spec {
  id: number;
  revision: number;
  author: string;
  changed: string;
  condition: string;
  problem: string;
  state: { phase: Phase; evaluated: Time; incident: string; since: Time; silenced: Time; keys: KeyState[]; more: number; points: Point[] };
}

export interface Metric {
  name: string;
  title: string;
  doc: string;
  unit: string;
  decimals: number;
  side: Side;
  sensors: boolean;
  bound: boolean;
  ratio: boolean;
  by: By[];
}

export interface Options {
  metrics: Metric[];
  templates: Spec[];
  mail: boolean;
  may_change: boolean;
  may_answer: boolean;
}

export interface IncidentKey {
  key: string;
  label: string;
  started: string;
  ended: Time;
  value: number;
  worst: number;
  last: number;
  calls: number;
  link: string;
}

export interface Message {
  receiver: string;
  event: 'firing' | 'more' | 'repeat' | 'resolved';
  created: string;
  delivered: Time;
  next: Time;
  attempts: { at: string; result: string; took_ms: number }[];
}

export interface Incident {
  id: string;
  alert: number;
  name: string;
  severity: Severity;
  started: string;
  ended: Time;
  end: '' | 'over' | 'no-data' | 'changed';
  keys: IncidentKey[];
  more: number;
  told: Time;
  silenced: boolean;
  quiet: boolean;
  acknowledged_by?: string;
  acknowledged?: Time;
  acknowledged_note?: string;
  messages?: Message[];
}

export interface Preview {
  from: Time; // how far back it got; null: nothing is kept of this figure
  to: Time;
  calls: number;
  incidents: Incident[];
  more: number;
  points: Point[];
  keys: number;
}

export interface ReceiverSpec {
  name: string;
  kind: Kind;
  url: string;
  key: string;
  addresses: string[];
}

export interface Receiver extends ReceiverSpec {
  id: number;
  author: string;
  changed: string;
}

export interface Silence {
  id: number;
  alert: number; // 0: all
  from: string;
  to: string;
  author: string;
  reason: string;
}

export interface Test {
  receiver: number;
  name: string;
  error: string;
}

export interface Fires {
  firing: number;
  severity: Severity | '';
  new: number;
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  if (signal) init.signal = signal;
  const res = await request(method, path, init);
  return (res.status === 204 ? null : await res.json()) as T;
}

export const firing = (signal?: AbortSignal) => ask<Fires>('GET', '/alerts/firing', undefined, signal);

export const alertsAPI = {
  list: () => ask<Alert[]>('GET', '/alerts'),
  options: () => ask<Options>('GET', '/alerts/options'),
  save: (a: Spec & { id?: number; revision?: number }) => {
    const { id, ...spec } = a;
    return id ? ask<Alert>('PUT', `/alerts/${id}`, spec) : ask<Alert>('POST', '/alerts', spec);
  },
  remove: (id: number) => ask<null>('DELETE', `/alerts/${id}`),
  preview: (alert: Spec, days: number, signal?: AbortSignal) => ask<Preview>('POST', '/alerts/preview', { alert, days }, signal),
  test: (id: number) => ask<Test[]>('POST', `/alerts/${id}/test`),
  history: (query: URLSearchParams) => ask<{ incidents: Incident[]; next: string }>('GET', `/alerts/history?${query}`),
  incident: (id: string) => ask<Incident>('GET', `/alerts/history/${encodeURIComponent(id)}`),
  acknowledge: (id: string, note: string) => ask<Incident>('PUT', `/alerts/history/${encodeURIComponent(id)}/acknowledgement`, { note }),
  receivers: () => ask<Receiver[]>('GET', '/alerts/receivers'),
  saveReceiver: (r: ReceiverSpec, id?: number) => (id ? ask<Receiver>('PUT', `/alerts/receivers/${id}`, r) : ask<Receiver>('POST', '/alerts/receivers', r)),
  removeReceiver: (id: number) => ask<null>('DELETE', `/alerts/receivers/${id}`),
  testReceiver: (id: number) => ask<Test>('POST', `/alerts/receivers/${id}/test`),
  silences: () => ask<Silence[]>('GET', '/silences'),
  silence: (alert: number, to: string, reason: string) => ask<Silence>('POST', '/silences', { alert, to, reason }),
  endSilence: (id: number) => ask<null>('DELETE', `/silences/${id}`),
};
