// What an alert would have done in the last days, asked for as its definition is written.

import { useEffect, useState } from 'preact/hooks';
import { alertsAPI, type Metric, type Preview, type Spec } from '../api/alerts';
import { aborted, asProblem } from '../api/client';
import type { Problem } from '../api/types';
import { count } from '../format';
import { micros } from '../time';
import { Moment } from '../ui/bits';
import { Spark } from './spark';
import { figure, span } from './words';

const PAUSE = 600; // ms of not typing
const SHOWN = 5;

export function PreviewBox({ spec, metric }: { spec: Spec; metric: Metric }) {
  const [days, setDays] = useState(7);
  const [preview, setPreview] = useState<Preview | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  // What the preview depends on, and nothing else.
  const asked = JSON.stringify({ ...spec, name: 'preview', note: '', receivers: [], enabled: false, repeat_ms: 0, quiet: null, severity: 'warn' } satisfies Spec);

  useEffect(() => {
    const stop = new AbortController();
    const t = setTimeout(() => {
      setBusy(true);
      alertsAPI.preview(JSON.parse(asked) as Spec, days, stop.signal).then(
        (p) => {
          setPreview(p);
          setProblem(null);
          setBusy(false);
        },
        (e) => {
          if (aborted(e)) return;
          setProblem(asProblem(e));
          setBusy(false);
        },
      );
    }, PAUSE);
    return () => {
      clearTimeout(t);
      stop.abort();
    };
  }, [asked, days]);

  const n = (preview?.incidents.length ?? 0) + (preview?.more ?? 0);
  return (
    <section class="panel preview" aria-labelledby="preview-title" aria-busy={busy}>
      <div class="panel-head">
        <h2 id="preview-title">Preview</h2>
        <select aria-label="Days to look back" value={days} onChange={(e) => setDays(Number(e.currentTarget.value))}>
          {[1, 7, 14, 25].map((d) => <option key={d} value={d}>{d === 1 ? 'last day' : `last ${d} days`}</option>)}
        </select>
      </div>
      {problem ? (
        <p class="wrong" role="status">{problem.title}. {problem.detail} {problem.remedy}</p>
      ) : !preview ? (
        <p class="quiet" role="status">Looking at past calls …</p>
      ) : preview.from === null ? (
        <p class="quiet" role="status">No sensor has said anything in the last 7 days: this alert begins with what they say now.</p>
      ) : (
        <>
          <p role="status" data-fired={n}>
            <strong>{n === 0 ? 'Would not have fired' : `Would have fired ${n === 1 ? 'once' : `${count(n)} times`}`}</strong> since <Moment t={preview.from} />
            {metric.sensors ? ', by what sensors said each minute' : `, in ${count(preview.calls)} calls`}
            {preview.keys > 1 ? ` of ${count(preview.keys)} ${spec.by === 'sensor' ? 'sensors' : 'addresses'}` : ''}.
            {tooFew(preview, days) && <span class="quiet"> {metric.sensors ? 'What sensors say is kept for 7 days.' : 'Reading further back takes too long.'}</span>}
          </p>
          {preview.points.filter((p) => p.v !== null).length > 1 && <Spark
            points={preview.points} threshold={spec.threshold} width={420} height={90} label={`${metric.title} since then, the worst`}
            marks={preview.incidents.map((i) => [micros(i.started)!, micros(i.ended) ?? micros(preview.to)!])}
          />}
          <ul class="fired">
            {preview.incidents.slice(-SHOWN).reverse().map((i) => (
              <li key={i.id}>
                <Moment t={i.started} /> <span class="quiet">for {span(((micros(i.ended) ?? micros(preview.to)!) - micros(i.started)!) / 1000)}, at worst {figure(worst(i, spec), metric, spec.last_week)}</span>{' '}
                {i.keys[0]?.link && <a href={i.keys[0].link} target="_blank" rel="noopener">the calls</a>}
              </li>
            ))}
            {n > SHOWN && <li class="quiet">and {n - SHOWN} before</li>}
          </ul>
        </>
      )}
    </section>
  );
}

const tooFew = (p: Preview, days: number) => (micros(p.to)! - micros(p.from)!) / 86_400e6 < days - 0.1;

function worst(i: Preview['incidents'][number], spec: Spec): number | null {
  const all = i.keys.map((k) => k.worst);
  return all.length === 0 ? null : spec.side === 'below' ? Math.min(...all) : Math.max(...all);
}
