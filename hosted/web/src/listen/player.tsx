// Listens to a call behind the jitter buffer that one chooses: the sensor decodes it on the way, or the engine on this page.

import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { aborted, asProblem, type Hearing } from '../api/client';
import type { CDR, Peaks, Problem } from '../api/types';
import { plural } from '../format';
import { usePrefs } from '../prefs';
import { clock, micros, zoneName } from '../time';
import { Copy, ProblemBox } from '../ui/bits';
import { Icon } from '../ui/icons';
import { badPlaces, leadIn, nextMark, SIDE_WORD, type Mark } from './marks';
import { ofHosted, useAddress, type Sounds } from './sounds';
import { AXIS, label } from './wave';
import { WaveView } from './waveview';

// How fine the waveform is: one point for 100 ms, within these bounds (hosted gives no more).
const POINTS = (ms: number) => Math.round(Math.min(8192, Math.max(2000, ms / 100)));
const SPECTRUM = 240; // px, height of the spectrogram
const FEW = 6; // bad places that show before "all"

const BUFFERS: [Hearing['buffer'], string][] = [['adaptive', 'Adaptive buffer, to 500 ms'], ['50', 'Fixed buffer, 50 ms'], ['200', 'Fixed buffer, 200 ms']];
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

// Player asks for the waveform, and asks again when another jitter buffer is chosen: it plays other packets.
export function Player({ cdr, from, digits = true, sounds = ofHosted }: { cdr: CDR; from: number; digits?: boolean; sounds?: Sounds }) {
  const [how, setHow] = useState<Hearing>({ side: 'both', buffer: 'adaptive', mute: !digits });
  const [peaks, setPeaks] = useState<Peaks | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    sounds.peaks(cdr.id, { ...how, side: 'both' }, POINTS(cdr.duration_ms), control.signal).then(
      (p) => {
        setPeaks(p);
        setProblem(null);
      },
      (e) => aborted(e) || setProblem(asProblem(e)),
    );
    return () => control.abort();
  }, [cdr.id, sounds, how.buffer, how.mute, attempt]);
  const again = () => {
    setProblem(null);
    setAttempt(attempt + 1);
  };
  return (
    <>
      {peaks ? <Deck cdr={cdr} peaks={peaks} digits={digits} how={how} setHow={setHow} from={from} failed={setProblem} sounds={sounds} /> : !problem && <p class="quiet" role="status">{sounds.decodes}</p>}
      {problem && <ProblemBox problem={problem} retry={again} />}
    </>
  );
}

interface DeckProps {
  cdr: CDR;
  peaks: Peaks;
  digits: boolean; // may be heard
  how: Hearing;
  setHow: (h: Hearing) => void;
  from: number; // s
  failed: (p: Problem) => void;
  sounds: Sounds;
}

function Deck({ cdr, peaks, digits, how, setHow, from, failed, sounds }: DeckProps) {
  const [spectrum, setSpectrum] = useState(false);
  const [width, setWidth] = useState(0);
  const start = micros(peaks.start) ?? 0;
  const marks = useMemo(() => badPlaces(peaks, cdr), [peaks, cdr]);
  const address = useAddress(`${cdr.id} ${how.side} ${how.buffer} ${how.mute}`, (signal) => sounds.audio(cdr.id, how, signal), failed);
  const sound = useSound(address, Math.min(from * 1000, peaks.duration_ms), (url) => void sounds.why(url).then(failed));
  const jump = (step: 1 | -1) => {
    const m = nextMark(marks, sound.at, step);
    if (m) sound.seek(leadIn(m));
  };
  // In steps, so that a window that is being resized does not have the sensor draw it anew for every pixel.
  const steps = Math.min(2048, Math.ceil(width / 128) * 128);
  const picture = useAddress(spectrum && width ? `${cdr.id} ${how.buffer} ${how.mute} ${steps}` : '', (signal) => sounds.spectrogram(cdr.id, { ...how, side: 'both' }, steps, SPECTRUM - AXIS, signal), failed);
  const length = peaks.duration_ms;
  return (
    <div class="player" data-state={sound.playing ? 'playing' : 'paused'}>
      {sound.element}
      <div class="controls">
        <div class="segments" role="group" aria-label="Who is heard">
          {([['both', 'Both'], ['caller', 'Caller'], ['callee', 'Called']] as const).map(([side, word]) => (
            <button key={side} type="button" aria-pressed={how.side === side} onClick={() => setHow({ ...how, side })}>{word}</button>
          ))}
        </div>
        <select aria-label="Jitter buffer" title="The buffer behind which the users heard it" value={how.buffer} onChange={(e) => setHow({ ...how, buffer: e.currentTarget.value as Hearing['buffer'] })}>
          {BUFFERS.map(([v, text]) => <option key={v} value={v}>{text}</option>)}
        </select>
        <label class="check" title={digits ? undefined : 'You may not see numbers, so digits are not heard either'}><input type="checkbox" checked={how.mute} disabled={!digits} onChange={(e) => setHow({ ...how, mute: e.currentTarget.checked })} /> {digits ? 'Mute DTMF' : 'Digits are muted: you see numbers masked'}</label>
        <label class="check"><input type="checkbox" checked={spectrum} onChange={(e) => setSpectrum(e.currentTarget.checked)} /> Spectrogram</label>
      </div>
      <WaveView
        cdr={cdr} peaks={peaks} marks={marks} side={how.side} at={sound.at} start={start} picture={picture} pictureFailed={() => {
          setSpectrum(false);
          void sounds.why(picture).then(failed);
        }}
        seek={(ms) => sound.seek(Math.min(length, Math.max(0, ms)))} toggle={sound.toggle} jump={jump} width={setWidth}
      />
      <div class="controls">
        <button type="button" class="primary" onClick={sound.toggle} data-action="play">
          <Icon name={sound.playing ? 'pause' : 'play'} /> {sound.playing ? 'Pause' : 'Play'}
        </button>
        <Position at={sound.at} length={length} start={start} />
        {sound.waiting && <span class="quiet" role="status">{sounds.waits}</span>}
        <select aria-label="Speed" value={String(sound.speed)} onChange={(e) => sound.setSpeed(Number(e.currentTarget.value))}>
          {SPEEDS.map((s) => <option key={s} value={String(s)}>{s} ×</option>)}
        </select>
        <span class="end">
          {sounds.link && <Copy text={`${sounds.link(cdr.id)}?t=${(sound.at / 1000).toFixed(1)}`} label="Copy a link to this moment" icon="link" />}
          <a class="button" href={address} download={sounds.fileName?.(cdr) ?? ''} data-action="wav"><Icon name="pcap" /> WAV</a>
        </span>
      </div>
      {peaks.missing?.map((m) => (
        <p key={m.side} class="notice warn"><Icon name="warn" /> <span><strong>The {SIDE_WORD[m.side]} is silent here: {MISSING[m.code] ?? m.code}{m.codec && ` (${m.codec})`}.</strong> {m.detail} The PCAP has its packets.</span></p>
      ))}
      <BadPlaces marks={marks} how={how} seek={(m) => sound.seek(leadIn(m))} jump={jump} />
    </div>
  );
}

const MISSING: Record<string, string> = { 'codec-not-decodable': 'its codec cannot be decoded', 'srtp-without-key': 'it is encrypted and its key is not known' };

function Position({ at, length, start }: { at: number; length: number; start: number }) {
  const { zone } = usePrefs();
  return (
    <span class="position">
      <b data-position={Math.round(at)}>{label(at)}</b> <span class="quiet">/ {label(length)}</span> <span class="quiet wall">{clock(start + at * 1000, zone)} {zoneName(zone)}</span>
    </span>
  );
}

function BadPlaces({ marks, how, seek, jump }: { marks: Mark[]; how: Hearing; seek: (m: Mark) => void; jump: (step: 1 | -1) => void }) {
  const [all, setAll] = useState(false);
  const behind = how.buffer === 'adaptive' ? 'the adaptive buffer' : `a ${how.buffer} ms buffer`;
  if (marks.length === 0) return <p class="quiet">Behind {behind} every packet was played.</p>;
  const lost = marks.reduce((n, m) => n + m.lost, 0);
  return (
    <div class="bad-places">
      <p>
        <strong>{plural(marks.length, 'bad place')}</strong> <span class="quiet">behind {behind}{lost > 0 && `: ${plural(lost, 'packet')} not played`}</span>{' '}
        <button type="button" onClick={() => jump(-1)} aria-label="To the bad place before"><Icon name="back" /></button>
        <button type="button" onClick={() => jump(1)} aria-label="To the next bad place"><Icon name="next" /></button>
      </p>
      <ul>
        {(all ? marks : worst(marks)).map((m) => (
          <li key={m.side + m.kind + m.from}>
            <button type="button" class="link" onClick={() => seek(m)} data-mark={Math.round(m.from)}>{label(m.from)}</button> {SIDE_WORD[m.side]}, {m.text}
          </li>
        ))}
      </ul>
      {marks.length > FEW && <button type="button" class="link" onClick={() => setAll(!all)}>{all ? 'Only the worst' : `All ${marks.length}`}</button>}
    </div>
  );
}

// worst are the few places where most is missing, in time.
const worst = (marks: Mark[]) => [...marks].sort((a, b) => b.lost - a.lost).slice(0, FEW).sort((a, b) => a.from - b.from);

// useSound is an audio element whose position, in ms, outlives a change of what it plays.
function useSound(url: string, from: number, failed: (url: string) => void) {
  const audio = useRef<HTMLAudioElement>(null);
  const [at, setAt] = useState(from);
  const [playing, setPlaying] = useState(false);
  const [waiting, setWaiting] = useState(false);
  const [speed, setRate] = useState(1);
  const wanted = useRef(from); // position to go to as soon as the length is known
  const run = useRef(false); // whether it should play
  const position = useRef(at);
  position.current = at;

  useEffect(() => {
    const a = audio.current!;
    if (!url) return;
    wanted.current = position.current;
    if (!a.getAttribute('src')) a.preload = 'none'; // nothing is decoded, and nothing counts as listened to, before somebody presses play
    a.src = url;
    if (run.current) void a.play().catch(() => {});
  }, [url]);

  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    const tick = () => {
      const a = audio.current;
      if (a && a.readyState > 0) setAt(a.currentTime * 1000);
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, [playing]);

  const toggle = useCallback(() => {
    const a = audio.current!;
    if (a.paused) {
      run.current = true;
      if (a.ended) a.currentTime = 0;
      a.play().catch(() => {}); // the error event tells why
    } else {
      run.current = false;
      a.pause();
    }
  }, []);
  const seek = useCallback((ms: number) => {
    const a = audio.current!;
    setAt(ms);
    wanted.current = ms;
    if (a.readyState > 0) a.currentTime = ms / 1000;
  }, []);
  const setSpeed = (s: number) => {
    setRate(s);
    audio.current!.playbackRate = audio.current!.defaultPlaybackRate = s;
  };

  const element = (
    <audio
      ref={audio}
      onLoadedMetadata={(e) => {
        if (Math.abs(e.currentTarget.currentTime * 1000 - wanted.current) > 50) e.currentTarget.currentTime = wanted.current / 1000;
      }}
      onPlay={() => setPlaying(true)}
      onPause={() => setPlaying(false)}
      onEnded={() => {
        run.current = false;
        setPlaying(false);
      }}
      onWaiting={() => setWaiting(true)}
      onPlaying={() => setWaiting(false)}
      onSeeked={(e) => setAt(e.currentTarget.currentTime * 1000)}
      onError={() => {
        run.current = false;
        setPlaying(false);
        setWaiting(false);
        failed(url);
      }}
    />
  );
  return { element, at, playing, waiting, speed, toggle, seek, setSpeed };
}
