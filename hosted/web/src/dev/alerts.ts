// Alerts of the stand-in: one fires, one is good.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Alert, Incident, Options, Receiver, Silence } from '../api/alerts';
import { blank } from '../alerts/words';
import { rfc3339 } from '../time';

const METRICS: Options['metrics'] = [
  { name: 'asr', title: 'answer-seizure ratio', doc: 'calls that were answered, of all', unit: '%', decimals: 1, side: 'below', sensors: false, bound: false, ratio: true, by: ['tenant', 'sensor', 'source', 'destination'] },
  { name: 'mos_below', title: 'calls with a bad MOS', doc: 'calls whose MOS is below the bound, of those with media', unit: '%', decimals: 1, side: 'above', sensors: false, bound: true, ratio: true, by: ['tenant', 'sensor', 'source', 'destination'] },
  { name: 'sensor_offline', title: 'sensor offline', doc: 'time since hosted last heard of the sensor', unit: 's', decimals: 0, side: 'above', sensors: true, bound: false, ratio: false, by: ['sensor'] },
];

const ago = (minutes: number) => rfc3339((Date.now() - minutes * 60_000) * 1000);
const wave = (base: number) => Array.from({ length: 120 }, (_, i) => ({ t: ago(60 - i / 2), v: base + 8 * Math.sin(i / 9) }));

export class Alerting {
  private incident: Incident = {
    id: '1-1', alert: 1, name: 'Few calls are answered', severity: 'bad', started: ago(12), ended: null, end: '', more: 0, told: ago(12), silenced: false, quiet: false,
    keys: [{ key: '', label: '', started: ago(12), ended: null, value: 29, worst: 18.4, last: 22.1, calls: 96, link: '/calls?where=not+connected%3E%3D0' }],
    messages: [{ receiver: 'noc', event: 'firing', created: ago(12), delivered: ago(12), next: null, attempts: [{ at: ago(12), result: 'ok', took_ms: 112 }] }],
  };
  private alerts: Alert[] = [
    { ...blank(), id: 1, revision: 3, author: 'jana', changed: ago(600), name: 'Few calls are answered', threshold: 30, severity: 'bad', receivers: [1], condition: 'answer-seizure ratio below 30 % in 15 min for 2 min', problem: '', state: { phase: 'firing', evaluated: ago(0), incident: '1-1', since: ago(12), silenced: null, keys: [{ key: '', phase: 'firing', since: ago(12), value: 22.1, calls: 96, seen: ago(0) }], more: 0, points: wave(28) } },
    { ...blank(), id: 2, revision: 1, author: 'jana', changed: ago(900), name: 'Bad voice', metric: 'mos_below', bound: 3.6, threshold: 10, side: 'above', condition: 'more than 10 % of calls with a MOS below 3.6 in 15 min', problem: '', state: { phase: 'ok', evaluated: ago(0), incident: '', since: null, silenced: null, keys: [{ key: '', phase: 'ok', since: ago(300), value: 2.3, calls: 210, seen: ago(0) }], more: 0, points: wave(9) } },
  ];
  private receivers: Receiver[] = [{ id: 1, name: 'noc', kind: 'slack', url: 'https://hooks.slack.example/********', key: '', addresses: [], author: 'jana', changed: ago(900) }];
  private silences: Silence[] = [];

  serve(req: IncomingMessage, res: ServerResponse, path: string) {
    const json = (v: unknown) => void (res.writeHead(200, { 'Content-Type': 'application/json' }), res.end(JSON.stringify(v)));
    if (req.method !== 'GET' && path !== '/alerts/preview') return void (res.writeHead(400, { 'Content-Type': 'application/problem+json' }), res.end(JSON.stringify({ code: 'bad-request', status: 400, title: 'The stand-in changes no alerts' })));
    switch (path) {
      case '/alerts': return json(this.alerts);
      case '/alerts/options': return json({ metrics: METRICS, templates: [{ ...blank(), name: 'Sensor offline', metric: 'sensor_offline', threshold: 180, side: 'above', by: 'sensor' }], mail: true, may_change: true, may_answer: true } satisfies Options);
      case '/alerts/firing': return json({ firing: 1, severity: 'bad', new: 1 });
      case '/alerts/receivers': return json(this.receivers);
      case '/alerts/history': return json({ incidents: [this.incident], next: '' });
      case '/alerts/preview': return json({ from: ago(7 * 1440), to: ago(0), calls: 41_220, incidents: [this.incident], more: 0, points: wave(35), keys: 1 });
      case '/silences': return json(this.silences);
      default: return json(this.incident);
    }
  }
}
