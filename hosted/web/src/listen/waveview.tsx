// The waveform on the page: a slider over the time of the call, by click, by drag and by keys.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CDR, Peaks, SidePeaks } from '../api/types';
import type { Hearing } from '../api/client';
import { party } from '../format';
import { usePrefs } from '../prefs';
import { clock, zoneName } from '../time';
import { useMedia } from '../ui/bits';
import { Icon } from '../ui/icons';
import { colour } from '../ui/colour';
import { events, SIDE_WORD, type Mark } from './marks';
import { draw, follow, label, pan, zoom, type Colours, type View } from './wave';

const STEP = 5000; // ms of an arrow key
const FINE = 500; // with Shift

interface Props {
  cdr: CDR;
  peaks: Peaks;
  marks: Mark[];
  side: Hearing['side'];
  at: number; // ms
  start: number; // of the audio, µs since the epoch
  picture: string; // URL of a spectrogram, "" for the wave
  pictureFailed: () => void;
  seek: (ms: number) => void;
  toggle: () => void;
  jump: (step: 1 | -1) => void;
  width: (px: number) => void; // told when it changes
}

export function WaveView({ cdr, peaks, marks, side, at, start, picture, pictureFailed, seek, toggle, jump, width }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { zone, theme } = usePrefs();
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  const [size, setSize] = useState<[number, number]>([0, 0]);
  const [hover, setHover] = useState<number | null>(null);
  const [view, setView] = useState<View>({ from: 0, to: peaks.duration_ms });
  const length = peaks.duration_ms;
  const span = view.to - view.from;
  const near = span < length - 1;
  const closer = (factor: number, at: number) => setView((v) => zoom(v, factor, at, length));
  const [colours, setColours] = useState<Colours | null>(null);
  const lanes = useMemo(() => (['caller', 'callee'] as const).map((s): SidePeaks | null => peaks.sides.find((p) => p.side === s) ?? null), [peaks]);
  const happened = useMemo(() => events(peaks, cdr), [peaks, cdr]);

  useEffect(() => setView({ from: 0, to: length }), [length]);
  useEffect(() => setView((v) => follow(v, at, length)), [at, length]);

  useLayoutEffect(() => {
    const el = box.current!;
    const read = (name: string) => colour(el, name);
    setColours({
      wave: read('--wave'), played: read('--accent'), silent: read('--line'), line: read('--line'), ink: read('--quiet'),
      loss: read('--bad'), lossGround: read('--bad-ground'), poor: read('--poor'), cursor: read('--text'),
    });
  }, [theme, systemDark]);

  useLayoutEffect(() => {
    const el = box.current!;
    const measure = () => {
      setSize([el.clientWidth, el.clientHeight]);
      width(el.clientWidth);
    };
    const watch = new ResizeObserver(measure);
    watch.observe(el);
    measure();
    return () => watch.disconnect();
  }, [width]);

  useEffect(() => {
    const c = canvas.current!;
    const [w, h] = size;
    const g = c.getContext('2d');
    if (!g || !w || !colours) return;
    const ratio = window.devicePixelRatio || 1;
    if (c.width !== Math.round(w * ratio) || c.height !== Math.round(h * ratio)) {
      c.width = Math.round(w * ratio);
      c.height = Math.round(h * ratio);
    }
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    const heard = [side !== 'callee', side !== 'caller'];
    draw(g, w, h, { lanes, heard, duration: length, view, at, hover, marks, events: happened, picture: picture !== '' }, colours);
  }, [size, colours, lanes, happened, peaks, marks, at, hover, side, picture, view, length]);

  const time = (e: MouseEvent) => {
    const r = box.current!.getBoundingClientRect();
    return Math.min(length, Math.max(0, view.from + ((e.clientX - r.left) / r.width) * span));
  };
  const wheel = (e: WheelEvent) => {
    if (e.ctrlKey) closer(e.deltaY > 0 ? 1.25 : 0.8, time(e));
    else if (near && (e.deltaX || e.shiftKey)) setView(pan(view.from + ((e.deltaX || e.deltaY) / 800) * span, span, length));
    else return;
    e.preventDefault();
  };
  const key = (e: KeyboardEvent) => {
    const step = e.shiftKey ? FINE : STEP;
    switch (e.key) {
      case 'ArrowRight': case 'ArrowUp': seek(at + step); break;
      case 'ArrowLeft': case 'ArrowDown': seek(at - step); break;
      case 'PageUp': seek(at + length / 10); break;
      case 'PageDown': seek(at - length / 10); break;
      case 'Home': seek(0); break;
      case 'End': seek(length); break;
      case ' ': case 'Enter': toggle(); break;
      case 'n': jump(1); break;
      case 'N': case 'p': jump(-1); break;
      case '+': case '=': closer(0.5, at); break;
      case '-': closer(2, at); break;
      default: return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
  };

  const shown = hover ?? at;
  const under = marks.filter((m) => m.from <= shown + 1 && m.to >= shown - 1);
  return (
    <figure class="wave">
      <figcaption>
        <span class="lane caller">{party(cdr.caller, cdr.caller_name)} <small class="quiet">caller{side === 'both' && ', left ear'}</small></span>
        <span class="lane callee">{party(cdr.callee)} <small class="quiet">called side{side === 'both' && ', right ear'}</small></span>
      </figcaption>
      <div
        ref={box} class="canvas" role="slider" tabIndex={0} aria-label="Position in the call" aria-valuemin={0} aria-valuemax={Math.round(length / 1000)}
        aria-valuenow={Math.round(at / 1000)} aria-valuetext={`${label(at)} of ${label(length)}, ${clock(start + at * 1000, zone)} ${zoneName(zone)}`}
        onKeyDown={key}
        onPointerDown={(e) => {
          if (e.button !== 0) return;
          e.currentTarget.setPointerCapture(e.pointerId);
          seek(time(e));
        }}
        onPointerMove={(e) => {
          if (e.currentTarget.hasPointerCapture(e.pointerId)) seek(time(e));
          else if (e.pointerType === 'mouse') setHover(time(e));
        }}
        onPointerLeave={() => setHover(null)}
        onWheel={wheel}
      >
        {picture && <img src={picture} alt="" style={{ width: `${(100 * length) / span}%`, left: `${(-100 * view.from) / span}%` }} onError={pictureFailed} />}
        <canvas ref={canvas} data-drawn={size[0] > 0 && colours ? '1' : undefined} />
      </div>
      {near && (
        <input
          type="range" class="part" aria-label="Part of the call that is shown" min={0} max={Math.round(length - span)} step={Math.max(1, Math.round(span / 20))} value={Math.round(view.from)}
          onInput={(e) => setView(pan(Number(e.currentTarget.value), span, length))}
        />
      )}
      <p class="zoom" role="group" aria-label="Zoom">
        <button type="button" class="quiet-button" disabled={!near} onClick={() => closer(2, at)} aria-label="Show more of the call"><Icon name="minus" /></button>
        <button type="button" class="quiet-button" disabled={span <= 2000} onClick={() => closer(0.5, at)} aria-label="Show it closer"><Icon name="plus" /></button>
      </p>
      <p class="under quiet" aria-hidden="true">
        {label(shown)} · {clock(start + shown * 1000, zone, 1)} {zoneName(zone)}
        {under.map((m) => <span key={m.side + m.from} class="bad"> · {SIDE_WORD[m.side]}: {m.text}</span>)}
      </p>
    </figure>
  );
}
