// The RTP streams of a call: numbers side by side, quality over time, and the shape of loss and delay.

import type { CDR, MOS, Stream } from '../api/types';
import { BURSTS, Histogram, PDV } from '../charts/histogram';
import { COLOURS, IntervalCharts } from '../charts/intervals';
import { count, millis, mos, NONE, percent } from '../format';
import { Pill, Quality } from '../ui/bits';
import { grade } from '../words';
import { whyNoIntervals, whyNoMOS, whyNoStreams } from './reasons';

export function Streams({ cdr }: { cdr: CDR }) {
  const streams = cdr.streams;
  const names = streams.map(streamName);
  const timed = streams.some((s) => (s.intervals?.length ?? 0) > 1);
  return (
    <section class="panel" aria-labelledby="streams">
      <h2 id="streams">Streams</h2>
      {streams.length === 0 ? (
        <p class="quiet">{whyNoStreams(cdr)}</p>
      ) : (
        <>
          <StreamTable streams={streams} names={names} />
          {timed ? <IntervalCharts streams={streams} names={names} /> : <p class="quiet">{whyNoIntervals(streams)}</p>}
          <div class="stream-cards">
            {streams.map((s, i) => <StreamCard key={s.ssrc + s.src + s.dst} stream={s} name={names[i]!} index={i} />)}
          </div>
        </>
      )}
      {cdr.streams_omitted > 0 && <p class="quiet">{cdr.streams_omitted} more streams were left out of the record to keep it small.</p>}
    </section>
  );
}

const DIRECTIONS = { 'from-caller': 'from caller', 'from-callee': 'from callee', unknown: 'direction unknown' } as const;

const streamName = (s: Stream) => [DIRECTIONS[s.direction] ?? s.direction, s.media && s.media !== 'audio' ? s.media : '', s.codec].filter(Boolean).join(' ');

const Swatch = ({ index }: { index: number }) => <i class={`swatch s${(index % COLOURS) + 1}`} aria-hidden="true" />;

function StreamTable({ streams, names }: { streams: Stream[]; names: string[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Streams, scrolls sideways">
      <table class="data">
        <thead>
          <tr>
            <th>Stream</th><th>Source</th><th>Destination</th><th>SSRC</th><th class="n">Packets</th><th class="n">Lost</th><th class="n">Loss</th><th class="n">Jitter mean / max</th>
            <th class="n">Longest gap</th><th>MOS</th><th class="n">worst 10 s</th>
          </tr>
        </thead>
        <tbody>
          {streams.map((s, i) => (
            <tr key={i}>
              <td><Swatch index={i} /> {names[i]} {s.encrypted && <Pill tone="info">SRTP</Pill>}</td>
              <td class="mono">{s.src}</td>
              <td class="mono">{s.dst}</td>
              <td class="mono">{s.ssrc}</td>
              <td class="n">{count(s.packets)}</td>
              <td class="n">{count(s.lost)}</td>
              <td class="n">{percent(s.loss_pct)}</td>
              <td class="n">{millis(s.jitter_mean_ms)} / {millis(s.jitter_max_ms)}</td>
              <td class="n">{millis(s.delta_max_ms)}</td>
              <td>{s.mos_adapt && grade(s.mos_adapt.avg) !== 'none' ? <Quality mos={s.mos_adapt.avg} /> : <span class="quiet">{whyNoMOS(s)}</span>}</td>
              <td class="n">{mos(s.mos_adapt?.min ?? null)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const BASES = { provisional: 'in part of a like codec', assumed: 'codec unknown: as G.711' } as const;
const KEYINGS = { sdes: 'in the SDP (SDES)', dtls: 'DTLS', zrtp: 'ZRTP' } as const;

const pair = (m: MOS | null) => (m?.avg ? `${mos(m.avg)} (worst ${mos(m.min)})` : NONE);

function StreamCard({ stream: s, name, index }: { stream: Stream; name: string; index: number }) {
  const facts: [string, string][] = [
    ['Payload type', `${s.payload_type}${s.clock_rate ? `, ${s.clock_rate / 1000} kHz` : ''}`],
    ['Packet time', s.ptime_ms ? millis(s.ptime_ms) : NONE],
    ['DSCP', `${s.dscp}${s.dscp === 46 ? ' (EF)' : s.dscp === 0 ? ' (best effort)' : ''}`],
    ['Duplicates', count(s.duplicates)],
    ['Reordered', count(s.reordered)],
    ['Clock skew', millis(s.skew_ms)],
    ['MOS, 50 ms buffer', pair(s.mos_f1)],
    ['MOS, 200 ms buffer', pair(s.mos_f2)],
    ...(s.dtmf ? [['DTMF', s.dtmf] as [string, string]] : []),
    ...(s.dtmf_inband ? [['DTMF within the voice', s.dtmf_inband] as [string, string]] : []),
    ...(s.mos_basis && s.mos_basis !== 'itu' ? [['MOS figures', BASES[s.mos_basis]] as [string, string]] : []),
    ...(s.via ? [['Way', `through TURN${s.relayed ? `, relayed at ${s.relayed}` : ''}`] as [string, string]] : []),
    ...(s.keying ? [['Keys of SRTP', KEYINGS[s.keying]] as [string, string]] : []),
    ...(s.tones ? [['Fax and modem tones', s.tones.join(', ').toUpperCase()] as [string, string]] : []),
  ];
  return (
    <article class="stream-card" aria-label={name}>
      <h3><Swatch index={index} /> {name}</h3>
      <div class="histograms">
        <Histogram title="Loss bursts" unit="packets in a row" labels={BURSTS} values={s.bursts} none={s.packets ? 'No packet was lost.' : 'No packets.'} />
        <Histogram title="Late packets" unit="by more than … ms" labels={PDV} values={s.pdv} none={s.packets ? 'No packet was more than 50 ms late.' : 'No packets.'} />
      </div>
      <dl class="facts">
        {facts.map(([k, v]) => (
          <div key={k}>
            <dt>{k}</dt>
            <dd>{v}</dd>
          </div>
        ))}
        <div class="whole">
          <dt>RTCP</dt>
          <dd>{rtcp(s)}</dd>
        </div>
      </dl>
    </article>
  );
}

// rtcp is what the far end reported, or that it did not.
function rtcp(s: Stream): string {
  if (!s.rtcp) return 'no reports seen';
  const parts = [
    s.rtcp.rtt_ms != null && `round trip ${millis(s.rtcp.rtt_ms)}`,
    s.rtcp.loss_max_pct != null && `loss up to ${percent(s.rtcp.loss_max_pct)}`,
    s.rtcp.jitter_max_ms != null && `jitter up to ${millis(s.rtcp.jitter_max_ms)}`,
  ].filter(Boolean);
  return parts.join(', ') || 'reports without values';
}
