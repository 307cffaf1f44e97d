// Values that a field takes and refuses, by kind of field. Each kind is {right, wrong}: lists of [what it is, value].

import { Timestamp } from 'firebase/firestore';

const NUMBER = ['a number', 7];
const LIST = ['a list', []];
const NULL = ['null', null];
const STRING = ['a string', 'yes'];
const chars = (count) => 'x'.repeat(count);

/** Words of at least one character. */
export const text = (most) => ({
  right: [['one character', 'x'], ['as long as it may be', chars(most)], ['of another script', '灯台 🌊']],
  wrong: [['empty', ''], ['too long', chars(most + 1)], NUMBER, LIST, NULL],
});

/** Words that may be empty. */
export const words = (most) => ({
  right: [['empty', ''], ['as long as it may be', chars(most)]],
  wrong: [['too long', chars(most + 1)], NUMBER, LIST, NULL],
});

/** Words that may be left out by null. */
export const optionalText = (most) => ({
  right: [NULL, ['as long as it may be', chars(most)]],
  wrong: [['empty', ''], ['too long', chars(most + 1)], NUMBER, LIST],
});

const NO_IDS = [
  ['empty', ''], ['too long', chars(201)], ['a path', 'a/b'], ['with a backslash', 'a\\b'], ['with a newline', 'a\nb'],
  ['.', '.'], ['..', '..'], ['reserved', '__x__'], NUMBER, LIST,
];
/** The id of a document, which need not be there. */
export const id = { right: [['an id', 'another-1'], ['long', chars(200)], NULL], wrong: NO_IDS };
/** The id of a document that must be there and the user's. */
export const owned = (kind) => ({
  right: [[`the user's ${kind}`, `mine-${kind}`]],
  wrong: [...NO_IDS, [`another user's ${kind}`, `theirs-${kind}`], [`no ${kind}`, 'nowhere']],
});
export const optionalOwned = (kind) => ({ ...owned(kind), right: [...owned(kind).right, NULL] });

export const url = {
  right: [['https', 'https://x.example/a.png?b=c#d'], ['http', 'http://x.example/a'],
    ['as long as it may be', `https://x.example/${chars(2048 - 18)}`]],
  wrong: [['of a file', 'file:///etc/passwd'], ['a script', 'javascript:alert(1)'],
    ['with spaces', 'https://x.example/a b'], ['empty', ''], ['too long', `https://x.example/${chars(2048 - 17)}`],
    NUMBER, LIST, NULL],
};
export const optionalUrl = { right: [...url.right, NULL], wrong: url.wrong.filter((value) => value !== NULL) };

export const bool = { right: [['true', true], ['false', false]], wrong: [STRING, ['1', 1], NULL] };
export const time = { right: [['a time', Timestamp.fromMillis(1_700_000_000_000)]], wrong: [STRING, NUMBER, NULL] };

/** A number above 0. */
export const positive = (most) => ({
  right: [['small', 0.01], ['the most', most]],
  wrong: [['0', 0], ['negative', -1], ['above the most', most + 0.01], ['NaN', NaN], ['infinite', Infinity],
    STRING, NULL],
});

/** A part of the whole. */
export const fraction = (least) => ({
  right: [['the least', least], ['all', 1]],
  wrong: [['below the least', least - 0.01], ['above 1', 1.01], ['NaN', NaN], STRING, NULL],
});

export const seed = {
  right: [['0', 0], ['the most', 2 ** 31 - 1], NULL],
  wrong: [['negative', -1], ['too large', 2 ** 31], ['a fraction', 1.5], ['NaN', NaN], STRING, ['true', true], LIST],
};

/** A list of entries like `entry`. */
export const list = (least, most, entry) => ({
  right: [[`of ${most}`, Array(most).fill(entry)], ...(least ? [] : [['empty', []]])],
  wrong: [...(least ? [['empty', []]] : []), [`of ${most + 1}`, Array(most + 1).fill(entry)],
    STRING, ['a map', { 0: entry }], NULL],
});

/** A number from 0. */
export const amount = { right: [['0', 0], ['large', 3600.5]], wrong: [['negative', -1], ['NaN', NaN], STRING, NULL] };

/** Only what is there before functions have worked. */
export const only = (allowed, wrong) => ({
  right: allowed.map((value) => [JSON.stringify(value), value]),
  wrong: wrong.map((value) => [JSON.stringify(value), value]),
});
