// The search field: one line in the language of conditions, coloured, with what may be written next and what is wrong at its place.

import type { RefObject } from 'preact';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { aborted } from '../api/client';
import { searchAPI, type ConditionFields } from '../api/search';
import type { RuleError } from '../api/types';
import { completeCondition, type Completion } from '../rules/complete';
import { Ink, insert, Offer } from '../rules/ink';
import { place } from '../rules/lexer';
import { Icon } from '../ui/icons';
import { lexCondition, meant } from './condition';

const LINE = 32; // px, as .where in calls.css
const PAUSE = 300; // ms of not typing after which the search begins

interface Props {
  value: string; // the condition that is searched by
  set: (where: string) => void;
  known: ConditionFields;
  field: RefObject<HTMLInputElement | null>;
  frame?: string; // what the list of offers stays within, a selector
  read?: typeof searchAPI.check; // who reads conditions; hosted
}

export function SearchField({ value, set, known, field, frame = '.calls', read = searchAPI.check }: Props) {
  const [text, setText] = useState(value);
  const [error, setError] = useState<RuleError | null>(null);
  const [offer, setOffer] = useState<Completion | null>(null);
  const [chosen, setChosen] = useState(-1);
  const timer = useRef(0);
  const busy = useRef<AbortController | null>(null);
  const asked = useRef(value); // the condition that was asked for last
  const latest = useRef(set);
  latest.current = set;
  const open = useRef(false);
  open.current = offer !== null;
  const list = useId();
  const says = useId();

  useEffect(() => {
    if (value === asked.current) return; // it came from here
    asked.current = value;
    setText(value);
    setOffer(null);
  }, [value]);
  useEffect(() => {
    void check(value); // a link may hold anything
    return () => {
      clearTimeout(timer.current);
      busy.current?.abort();
    };
  }, []);

  // check answers whether a condition can be read, and shows where not.
  const check = async (where: string): Promise<boolean> => {
    busy.current?.abort();
    const mine = (busy.current = new AbortController());
    setError(null);
    if (where === '') return true;
    try {
      const verdict = await read(where, mine.signal);
      setError(verdict.error ?? null);
      return verdict.ok;
    } catch (e) {
      return !aborted(e); // the list's own request says what is wrong
    }
  };
  const search = async (typed: string, done: boolean) => {
    clearTimeout(timer.current);
    const where = meant(typed);
    if (!(await check(where))) return;
    asked.current = where;
    if (done) setText(where);
    latest.current(where);
  };
  const type = (typed: string) => {
    setText(typed);
    setError(null);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => open.current || void search(typed, false), typed.trim() === '' ? 0 : PAUSE); // a word that is being chosen is not searched for
  };
  const dismiss = () => {
    setOffer(null);
    if (offer) type(text);
  };

  const ask = (t: HTMLInputElement, unasked = false) => {
    const at = t.selectionStart ?? 0;
    const c = at === t.selectionEnd ? completeCondition(t.value, at, known.fields, known.groups) : null;
    setChosen(-1);
    setOffer(c && unasked && c.from === at && !/(?:[:(]|\b(?:and|or|not) )$/.test(t.value.slice(Math.max(0, at - 4), at)) ? null : c);
  };
  const accept = (i: number) => {
    const c = offer?.choices[i];
    if (!offer || !c || !field.current) return;
    insert(field.current, offer.from, offer.to, c.text);
    if (/[: ]$/.test(c.text)) ask(field.current);
    else setOffer(null);
  };
  const key = (e: KeyboardEvent) => {
    const n = offer?.choices.length ?? 0;
    if (e.ctrlKey && e.key === ' ') ask(field.current!);
    else if (e.key === 'ArrowDown' && !offer) ask(field.current!);
    else if (e.key === 'ArrowDown') setChosen((chosen + 1) % n);
    else if (e.key === 'ArrowUp' && offer) setChosen((Math.max(chosen, 0) + n - 1) % n);
    else if (e.key === 'Tab' && offer && !e.shiftKey) accept(Math.max(chosen, 0));
    else if (e.key === 'Enter' && offer && chosen >= 0) accept(chosen);
    else if (e.key === 'Enter') {
      setOffer(null);
      void search(text, true);
    } else if (e.key === 'Escape' && offer) dismiss();
    else if (e.key === 'Escape') field.current?.blur();
    else {
      if (['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(e.key)) setOffer(null);
      return;
    }
    e.preventDefault();
    e.stopPropagation();
  };

  const tokens = useMemo(() => lexCondition(text), [text]);
  const wrong = error ? place(text, error.line, error.column) : -1;
  return (
    <div class="search">
      <Icon name="search" />
      <div class="where">
        <div class="sheet">
          <Ink text={text} tokens={tokens} wrong={wrong} />
          <input
            ref={field} type="text" inputMode="search" name="where" aria-label="Search calls" placeholder="Number, address, Call-ID, or mos<3.5 and …" value={text}
            role="combobox" aria-expanded={offer !== null} aria-controls={offer ? list : undefined} aria-autocomplete="list" aria-activedescendant={offer && chosen >= 0 ? `${list}-${chosen}` : undefined}
            aria-invalid={error ? 'true' : undefined} aria-describedby={error ? says : undefined} spellcheck={false} autoComplete="off" autoCapitalize="off" maxLength={4096}
            onInput={(e) => {
              type(e.currentTarget.value);
              const how = (e as InputEvent).inputType;
              if (how === 'insertText' || (offer && how === 'deleteContentBackward')) ask(e.currentTarget, true);
              else setOffer(null);
            }}
            onKeyDown={key}
            onClick={() => setOffer(null)}
            onBlur={dismiss}
          />
        </div>
      </div>
      {offer && <Offer id={list} offer={offer} chosen={chosen} text={text} accept={accept} frame={frame} line={LINE} />}
      <kbd aria-hidden="true">/</kbd>
      {error && (
        <p class="wrong-here" id={says} role="status">
          Found {error.found}, expected {error.expected}.
          {error.nearest && (
            <>
              {' '}Did you mean{' '}
              <button type="button" class="link" onClick={() => nearest(error)}>{error.nearest}</button>?
            </>
          )}
        </p>
      )}
    </div>
  );

  // nearest writes what was probably meant in place of what is wrong.
  function nearest(e: RuleError) {
    const at = place(text, e.line, e.column);
    const token = tokens.find((t) => t.at <= at && at < t.at + t.text.length);
    if (field.current && token) insert(field.current, token.at, token.at + token.text.length, e.nearest);
    setOffer(null); // it is the whole word
  }
}
