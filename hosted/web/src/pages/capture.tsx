// The packets of a call: get them, or why they cannot be had.

import type { CDR, Sensor, User } from '../api/types';
import { DownloadButton } from '../download/button';
import { wayOf } from '../download/way';
import { bytes, plural } from '../format';
import { usePrefs } from '../prefs';
import { KEPT } from '../words';
import { captureState } from './reasons';
import { RuleOffer, rulePath } from './ruleoffer';

export function CapturePanel({ cdr, sensor, user, legs }: { cdr: CDR; sensor: Sensor | undefined; user: User; legs: number }) {
  const { direct } = usePrefs();
  const state = captureState(cdr, sensor, user);
  const way = () => wayOf(sensor, direct);
  const path = `/calls/${encodeURIComponent(cdr.id)}/capture`;
  const name = `${cdr.caller || 'call'}_${cdr.callee || cdr.id}`.replace(/[^\w.+-]/g, '_');
  return (
    <section class="panel" aria-labelledby="capture">
      <h2 id="capture">Packets</h2>
      {cdr.capture.kept !== 'none' && (
        <p>
          {KEPT[cdr.capture.kept]} kept by rule “{cdr.rule}”{cdr.capture.packets > 0 && `: ${plural(cdr.capture.packets, 'packet')}, ${bytes(cdr.capture.bytes)}`}.
        </p>
      )}
      {cdr.capture.partial && <p class="notice warn">Not all packets that the rule wants are there: the sensor had no room for them at the time.</p>}
      {state.get && (
        <DownloadButton path={path} name={`${name}.pcapng`} size={cdr.capture.bytes} primary={!state.offline} way={way} action="pcap">
          {state.offline ? 'Try to download' : 'Download PCAP'}
        </DownloadButton>
      )}
      {state.get && legs > 1 && (
        <DownloadButton path={`${path}?group=1`} name={`${name}_conversation.pcapng`} size={0} way={way} action="group">
          Whole conversation, {legs} legs
        </DownloadButton>
      )}
      {state.get && !state.offline && <p><a href={`/open?kept=${encodeURIComponent(cdr.id)}`} data-action="look">Look into them here</a><span class="quiet">: each message whole, in this browser</span></p>}
      {state.why && <p class={state.offline ? 'notice warn' : 'quiet'}>{state.why}</p>}
      {state.rule ? <RuleOffer cdr={cdr} rule={state.rule} user={user} /> : user.rights.includes('rules') && cdr.end && <p><a href={rulePath(cdr.id)}>Make a rule from this call</a></p>}
    </section>
  );
}
