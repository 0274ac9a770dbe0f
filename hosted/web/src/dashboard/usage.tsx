// What of the tenant's limits is used: channels, days, calls beyond the channels.

import { useEffect, useState } from 'preact/hooks';
import { usage, type Usage } from '../api/stats';
import { bytes, count, NONE, plural } from '../format';
import { KEPT } from '../query';
import { rfc3339, micros } from '../time';

const REFRESH_MS = 60_000;
const DAY = 86_400e6;
const BEYOND = '/calls?where=over-limit%3Ayes';

export function UsagePanel() {
  const [u, setU] = useState<Usage | null>(null);
  useEffect(() => {
    const load = () => void usage().then(setU, () => {}); // the page's own figures report what is wrong
    load();
    const t = setInterval(() => document.hidden || load(), REFRESH_MS);
    return () => clearInterval(t);
  }, []);
  if (!u) return null;
  const most = Math.max(1, ...u.days.map((d) => d.peak));
  const today = u.days[0];
  return (
    <section class="panel usage" aria-labelledby="usage-title">
      <div class="panel-head">
        <h2 id="usage-title">Usage</h2>
        <span class="quiet">days are UTC</span>
      </div>
      <dl class="facts">
        <div><dt>Channels now</dt><dd>{u.channels === null ? NONE : count(u.channels)}{u.channels === null && <small class="quiet"> no sensor answers</small>}</dd></div>
        <div><dt>Most today</dt><dd>{count(today?.peak ?? 0)}</dd></div>
        <div><dt>Limit</dt><dd>{count(u.max_channels)}</dd></div>
        <div><dt>Over the limit</dt><dd>{u.over_limit ? <a href={BEYOND} data-opens={u.over_limit}>{plural(u.over_limit, 'call')}</a> : plural(0, 'call')} <small class="quiet">without media</small></dd></div>
        <div><dt>Kept</dt><dd>{plural(u.days.length && u.kept_from ? u.days.length : 0, 'day')} <small class="quiet">{plural(u.calls, 'call')}</small></dd></div>
      </dl>
      {u.sensors.length > 0 && (
        <ul class="meters">
          {u.sensors.map((s) => (
            <li key={s.id_sensor}>
              <span>Sensor {s.id_sensor}, most today</span>
              <meter min={0} max={u.max_channels} high={u.max_channels * 0.9} value={Math.min(s.peak, u.max_channels)} aria-label={`Sensor ${s.id_sensor}: ${s.peak} of ${u.max_channels} channels`} />
              <span class="n">{count(s.peak)}{s.over_limit > 0 && <strong class="beyond"> · <a href={`${BEYOND}+and+sensor%3A${s.id_sensor}&from=${rfc3339(micros(today!.day)!)}`} data-opens={s.over_limit}>{plural(s.over_limit, 'call')} over the limit</a></strong>}</span>
            </li>
          ))}
        </ul>
      )}
      {u.kept_from && (
        <div class="points" tabIndex={0} role="region" aria-label="Usage by day">
          <table class="data">
            <thead><tr><th>Day</th><th class="n">Calls</th><th class="n">Most at a time</th><th><span class="sr">Share of the busiest day</span></th><th class="n">Peak CPS</th><th class="n">Over limit</th><th class="n">Captures</th></tr></thead>
            <tbody>
              {u.days.map((d) => {
                const from = micros(d.day)!;
                return (
                  <tr key={d.day}>
                    <td><a href={`/dashboard?from=${rfc3339(from)}&to=${rfc3339(from + DAY)}`}>{d.day.slice(0, 10)}</a></td>
                    <td class="n"><a href={`/calls?from=${rfc3339(from)}&to=${rfc3339(from + DAY)}`} data-opens={d.calls}>{count(d.calls)}</a></td>
                    <td class="n">{count(d.peak)}</td>
                    <td class="day-share"><i style={{ width: `${(100 * d.peak) / most}%` }} /></td>
                    <td class="n">{d.peak_cps}</td>
                    <td class="n">{d.over_limit ? <a href={`${BEYOND}&from=${rfc3339(from)}&to=${rfc3339(from + DAY)}`} data-opens={d.over_limit}>{count(d.over_limit)}</a> : ''}</td>
                    <td class="n">{d.kept ? <><a href={`/calls?where=${encodeURIComponent(KEPT)}&from=${rfc3339(from)}&to=${rfc3339(from + DAY)}`} data-opens={d.kept}>{count(d.kept)}</a>, {bytes(d.kept_bytes)}</> : ''}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
