// The packets of a call: get them, or why they cannot be had.

import { useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { CDR, Problem, Sensor, User } from '../api/types';
import { bytes, plural } from '../format';
import { Copy, ProblemBox } from '../ui/bits';
import { Icon } from '../ui/icons';
import { KEPT } from '../words';
import { captureState } from './reasons';

export function CapturePanel({ cdr, sensor, user }: { cdr: CDR; sensor: Sensor | undefined; user: User }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [size, setSize] = useState<number | null>(null);
  const state = captureState(cdr, sensor, user);

  // The browser itself downloads, so that size does not matter; what would fail is asked first, because a failed
  // download shows no reason.
  async function download() {
    setBusy(true);
    setProblem(null);
    try {
      setSize(await api.captureSize(cdr.id));
      const a = Object.assign(document.createElement('a'), { href: api.captureURL(cdr.id), download: '' });
      document.body.append(a);
      a.click();
      a.remove();
    } catch (e) {
      setProblem(asProblem(e));
    }
    setBusy(false);
  }

  return (
    <section class="panel" aria-labelledby="capture">
      <h2 id="capture">Packets</h2>
      {cdr.capture.kept !== 'none' && (
        <p>
          {KEPT[cdr.capture.kept]} kept by rule “{cdr.rule}”{cdr.capture.packets > 0 && `: ${plural(cdr.capture.packets, 'packet')}, ${bytes(cdr.capture.bytes)}`}.
        </p>
      )}
      {state.get && (
        <p>
          <button type="button" class={state.offline ? 'plain' : 'primary'} disabled={busy} onClick={download} data-action="pcap">
            <Icon name="pcap" /> {busy ? 'Asking the sensor …' : state.offline ? 'Try to download' : 'Download PCAP'} {cdr.capture.bytes > 0 && !busy && <small>{bytes(cdr.capture.bytes)}</small>}
          </button>
        </p>
      )}
      {state.why && !problem && <p class={state.offline ? 'notice warn' : 'quiet'}>{state.why}</p>}
      {state.rule && (
        <p class="command">
          <code>{state.rule}</code>
          <Copy text={state.rule} label="Copy the rule" />
        </p>
      )}
      {size !== null && !problem && <p class="quiet" role="status">Download started: {bytes(size)} from {sensor?.name ?? 'the sensor'}, straight through this service; nothing is stored on the way.</p>}
      {problem && <ProblemBox problem={problem} />}
    </section>
  );
}
