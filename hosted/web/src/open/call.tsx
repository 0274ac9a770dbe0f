// One call of the open capture.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { aborted, asProblem } from '../api/client';
import type { CDR, Message, Problem } from '../api/types';
import { duration, party } from '../format';
import { Player } from '../listen/player';
import { CallHead, Facts, Findings, Signalling } from '../pages/callparts';
import { Legs, useLegs, type Records } from '../pages/legs';
import { SILENT, whyNoStreams } from '../pages/reasons';
import { Streams } from '../pages/streams';
import { back, openPath } from '../router';
import { Empty, ProblemBox, useTitle } from '../ui/bits';
import { Icon } from '../ui/icons';
import { typing } from '../ui/keys';
import type { Engine } from './engine';
import { MessageText } from './message';
import { SaveButton } from './save';
import { soundsOf } from './sounds';
import type { Opened } from './state';

export function OpenedCall({ id, where, opened }: { id: string; where: string; opened: Opened }) {
  const engine = opened.engine!;
  const [cdr, setCDR] = useState<CDR | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [picked, setPicked] = useState<Message | null>(null);
  const from = useMemo((): Records => ({ calls: (q, signal) => engine.json(`/calls?${q}`, signal), call: (leg, signal) => engine.json(`/calls/${leg}`, signal) }), [engine]);
  const legs = useLegs(cdr, from);
  useTitle(cdr ? `${party(cdr.caller, cdr.caller_name)} → ${party(cdr.callee)}` : 'Call');
  useEffect(() => {
    const control = new AbortController();
    window.scrollTo(0, 0);
    engine.json<CDR>(`/calls/${id}`, control.signal).then(setCDR, (e) => aborted(e) || setProblem(asProblem(e)));
    return () => control.abort();
  }, [engine, id]);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key === 'u' && !typing(e)) back(openPath(where));
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [where]);

  return (
    <div class="page call">
      <button type="button" class="quiet-button back" onClick={() => back(openPath(where))}>
        <Icon name="back" /> {opened.names[0]}
      </button>
      {problem && (problem.status === 404 ? <Elsewhere name={opened.names[0]!} /> : <ProblemBox problem={problem} />)}
      {cdr && (
        <>
          <CallHead cdr={cdr} />
          <Listen cdr={cdr} engine={engine} />
          <div class="two">
            <Findings cdr={cdr} />
            <section class="panel" aria-labelledby="save">
              <h2 id="save">Save</h2>
              <p class="saves">
                <SaveButton engine={engine} target={`/calls/${id}/capture`} icon="pcap" action="pcap" primary>Its packets as PCAP</SaveButton>
                {legs.length > 1 && <SaveButton engine={engine} target={`/calls/${id}/capture?group=1`} icon="pcap" action="group">Whole conversation, {legs.length} legs</SaveButton>}
                <SaveButton engine={engine} target={`/calls/${id}`} icon="export" action="record">Its record as JSON</SaveButton>
              </p>
              <p class="quiet">The PCAP has the packets of this call only, signalling and media, cut out of the capture.</p>
            </section>
            <div class="left">
              <Signalling
                cdr={cdr} legs={legs} from={from} picking={{ picked, pick: (m) => setPicked(picked === m ? null : m) }}
                below={(of, shown) => (picked ? <MessageText engine={engine} call={of(picked).id} messages={shown.messages} message={picked} pick={setPicked} /> : shown.messages.length > 0 && <p class="quiet">A click on a message shows it whole.</p>)}
              />
              <Legs cdr={cdr} legs={legs} path={(leg) => openPath(where, leg)} />
            </div>
            <Facts cdr={cdr} sensor={null} />
          </div>
          <Streams cdr={cdr} />
        </>
      )}
      {!cdr && !problem && <p class="quiet">Loading …</p>}
    </div>
  );
}

function Elsewhere({ name }: { name: string }) {
  return (
    <Empty title={`This call is not in ${name}`}>
      <p><a href={openPath('')}>All calls of the capture</a></p>
    </Empty>
  );
}

// Listen is the player, once somebody asks for it, or why there is nothing to hear.
function Listen({ cdr, engine }: { cdr: CDR; engine: Engine }) {
  const [open, setOpen] = useState(false);
  const sounds = useMemo(() => soundsOf(engine), [engine]);
  const why = whySilent(cdr);
  useEffect(() => {
    if (why) return;
    const key = (e: KeyboardEvent) => {
      if (e.key === 'l' && !typing(e)) setOpen(true);
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [why]);
  return (
    <section class="panel listen" aria-labelledby="listen">
      <div class="panel-head">
        <h2 id="listen">Listen</h2>
        {!why && !open && (
          <button type="button" class="primary" onClick={() => setOpen(true)} data-action="listen">
            <Icon name="play" /> Listen <small>{duration(cdr.connect_ms ?? cdr.duration_ms)} {cdr.codecs.join(', ')}</small>
          </button>
        )}
      </div>
      {why && <p class="quiet">{why}</p>}
      {open && <Player cdr={cdr} from={0} sounds={sounds} />}
    </section>
  );
}

// whySilent says why there is nothing to hear, as far as the record tells; "": there may be.
function whySilent(c: CDR): string {
  const voice = c.streams.filter((s) => (!s.media || s.media === 'audio') && s.packets > 0);
  if (voice.length === 0 && c.streams_omitted === 0) return `There is nothing to hear. ${whyNoStreams(c)}`;
  if (voice.length > 0 && voice.every((s) => SILENT.test(s.codec))) return `${[...new Set(voice.map((s) => s.codec))].join(' and ')} cannot be decoded here: there is no free decoder. Save the packets and play them with a program that has one.`;
  if (c.findings.some((f) => f.code === 'srtp-without-key') && voice.every((s) => s.encrypted)) return 'The voice is encrypted (SRTP), and the signalling that can be read holds no key. Where the keys are in the SDP over TLS, open the capture with its TLS key log; DTLS-SRTP cannot be decrypted.';
  return '';
}
