// The table of what clients may do, as people read it; cases.mjs makes a case of every entry, and of every combination.
//
//   allows   what the owner may do. Nobody else may do anything; an administrator, whom rules do not bind, everything.
//            list: with the owner as its filter; list all: without one
//   document one that is right, as the web page writes it; $ID is the document's own id
//   change   an update that `allows` means
//   fields   what each field takes and refuses when a document is created; required ones cannot be left out
//   unknown  fields that functions write, and some that nobody does: none may be there when it is created
//   written  what functions have written by the time it is updated
//   edits    what an update may change, and what it may not; $DELETE takes a field away

import { amount, bool, fraction, id, list, only, optionalOwned, optionalText, optionalUrl, owned, positive, seed, text,
  time, url, words } from './values.mjs';

export const OWNER = 'u1';
export const OTHER = 'u2';
export const OPERATIONS = ['get', 'list', 'list all', 'create', 'update', 'delete'];

/** Documents that others name, there before any case. */
export const STANDING = Object.fromEntries(
  ['storyboard', 'scene', 'product'].flatMap((kind) => [
    [`${kind}s/mine-${kind}`, { user_id: OWNER }],
    [`${kind}s/theirs-${kind}`, { user_id: OTHER }],
  ]),
);

const SCENE_ENTRY = { scene_number: 1, seed_image_url: 'https://x.example/a.png', duration: 5, description: 'Dusk' };
const CLIP_ENTRY = { scene_number: 1, video_url: 'https://x.example/a.mp4', duration: 5 };

const JOB_FIELDS = {
  user_id: { required: true, ...only([OWNER], [OTHER, '', null, 7]) },
  status: { required: true, ...only(['pending'], ['processing', 'complete', 'error', 'canceled', '', null]) },
  job_id: { right: [['that of the document', '$ID']], wrong: [['another', 'another'], ['null', null]] },
  created_at: time,
  updated_at: time,
  request_id: id,
  retry_of: id,
  storyboard_id: optionalOwned('storyboard'),
  force: bool,
  dry_run: bool,
};

const NOT_AT_CREATE = {
  stage: 'store', attempt: 1, turn: 1, lease_expires_at: null, error: null, error_message: 'x', cost_usd: 0,
  schema_version: 1, min_reader_version: 0, estimated_cost_usd: 0, started_at: null, completed_at: null, expire_at: null, steps: {}, image_key: 'x',
  video_key: 'x', adjustments: [], duplicate_of: 'x', origin_job_id: 'x', warnings: [], scene_errors: [],
  cancel_requested: true, admin: true,
};
const JOB_EDITS = {
  right: [['cancel_requested: true', { cancel_requested: true }]],
  wrong: [
    ['cancel_requested: false', { cancel_requested: false }],
    ['cancel_requested: "yes"', { cancel_requested: 'yes' }],
    ['cancel_requested: 1', { cancel_requested: 1 }],
    ['status', { status: 'complete' }],
    ['user_id', { user_id: OTHER }],
    ['cost_usd', { cost_usd: 0 }],
    ['text', { text: 'New' }],
    ['expire_at', { expire_at: null }],
    ['a new field', { note: 'x' }],
    ['progress with the wish to cancel', { cancel_requested: true, progress_percent: 100 }],
  ],
};

const job = (document, fields, foreign) => ({
  allows: ['get', 'list', 'create', 'update'],
  document: { job_id: '$ID', user_id: OWNER, status: 'pending', ...document },
  change: { cancel_requested: true },
  fields: { ...JOB_FIELDS, ...fields },
  unknown: { ...NOT_AT_CREATE, ...foreign },
  edits: JOB_EDITS,
});

const EDITABLE = ['get', 'list', 'create', 'update', 'delete'];
const readOnly = (change) => ({ allows: ['get', 'list', 'list all'], document: { user_id: OWNER }, change });
const closed = (change) => ({ allows: [], document: { user_id: OWNER }, change });
const OWNED_BY = { required: true, ...only([OWNER], [OTHER, '', null]) };

export const COLLECTIONS = {
  image_generation_jobs: job(
    { scene_id: 'mine-scene', storyboard_id: 'mine-storyboard', text: 'A lighthouse at dusk',
      style_prompt: 'watercolour', use_product_composite: false, product_id: null },
    {
      scene_id: { required: true, ...owned('scene') },
      text: { required: true, ...text(4000) },
      style_prompt: words(1000),
      use_product_composite: bool,
      product_id: optionalOwned('product'),
      aspect_ratio: optionalText(20),
      seed,
      model: text(100),
      composite_scale: fraction(0.05),
      composite_x: fraction(0),
      composite_y: fraction(0),
      composite_shadow: bool,
      composite_match: bool,
    },
    { image_url: 'https://x.example/a.png', prompt: 'x', resolution: '720p', composite_method: 'x' },
  ),
  video_generation_jobs: job(
    { scene_id: 'mine-scene', storyboard_id: 'mine-storyboard', image_url: 'https://x.example/a.png',
      text: 'A lighthouse at dusk', duration: 5 },
    {
      scene_id: { required: true, ...owned('scene') },
      image_url: { required: true, ...url },
      text: { required: true, ...text(4000) },
      duration: positive(60),
      resolution: optionalText(10),
      seed,
      camera_fixed: bool,
    },
    { video_url: null, model: 'x', aspect_ratio: '16:9' },
  ),
  multi_video_jobs: job(
    { scenes: [SCENE_ENTRY], audio_url: null, progress_percent: 0, clips: [] },
    {
      scenes: { required: true, ...list(1, 50, SCENE_ENTRY) },
      audio_url: optionalUrl,
      style: text(100),
      progress_percent: only([0], [1, 100, '0', null]),
      clips: only([[]], [[CLIP_ENTRY], {}, null]),
      resolution: optionalText(10),
      camera_fixed: bool,
      seed,
    },
    { video_url: 'x', model: 'x', scene_id: 'mine-scene' },
  ),
  composition_jobs: job(
    { clips: [CLIP_ENTRY], audio_url: null, include_crossfade: true, optimize_size: false, video_url: null },
    {
      clips: { required: true, ...list(1, 200, CLIP_ENTRY) },
      audio_url: optionalUrl,
      include_crossfade: bool,
      optimize_size: bool,
      video_url: only([null], ['https://x.example/a.mp4', '']),
      title: words(200),
      crossfade_seconds: positive(5),
      transition: text(20),
    },
    { resolution: '480p', seed: 1, poster_url: 'x', progress_percent: 0 },
  ),

  storyboards: {
    allows: EDITABLE,
    document: { user_id: OWNER, title: 'T', style: 's', aspect_ratio: '16:9', scene_order: [], total_duration: 0 },
    change: { title: 'New' },
    fields: {
      user_id: OWNED_BY,
      title: words(200),
      style: words(200),
      aspect_ratio: optionalText(20),
      scene_order: list(0, 200, 'mine-scene'),
      total_duration: amount,
      created_at: time,
      updated_at: time,
    },
    unknown: { look: {}, status: 'x', admin: true },
    written: { look: { palette: 'warm' } },
    edits: {
      right: [
        ['title', { title: 'New' }],
        ['style', { style: 'noir' }],
        ['aspect_ratio', { aspect_ratio: '9:16' }],
        ['aspect_ratio: null', { aspect_ratio: null }],
        ['aspect_ratio away', { aspect_ratio: '$DELETE' }],
        ['scene_order', { scene_order: ['mine-scene'] }],
        ['total_duration', { total_duration: 12.5 }],
        ['look as it is', { look: { palette: 'warm' }, title: 'New' }],
      ],
      wrong: [
        ['title too long', { title: 'x'.repeat(201) }],
        ['aspect_ratio too long', { aspect_ratio: 'x'.repeat(21) }],
        ['aspect_ratio empty', { aspect_ratio: '' }],
        ['aspect_ratio: 1.5', { aspect_ratio: 1.5 }],
        ['user_id', { user_id: OTHER }],
        ['look', { look: { palette: 'cold' } }],
        ['a part of look', { 'look.palette': 'cold' }],
        ['look away', { look: '$DELETE' }],
        ['a new field', { note: 'x' }],
      ],
    },
  },
  scenes: {
    allows: EDITABLE,
    document: { user_id: OWNER, text: 'x', storyboard_id: 'mine-storyboard', video_duration: 5, state: 'text' },
    change: { text: 'New' },
    fields: {
      user_id: OWNED_BY,
      storyboard_id: id,
      product_id: id,
      text: words(4000),
      style_prompt: words(1000),
      video_duration: positive(60),
      use_product_composite: bool,
      created_at: time,
      updated_at: time,
      state: only(['text'], ['image', 'video', null]),
      image_url: only([null], ['https://x.example/a.png']),
      video_url: only([null], ['https://x.example/a.mp4']),
      error_message: only([null], ['x']),
      generation_status: only(
        [{ image: 'pending', video: 'pending' }],
        [{ image: 'complete', video: 'pending' }, { image: 'pending' }, 'pending', null],
      ),
    },
    unknown: { prompts: {}, image_key: 'x', admin: true },
    written: {
      state: 'image', image_url: 'https://x.example/a.png', video_url: null, error_message: 'x',
      generation_status: { image: 'complete', video: 'pending' }, prompts: { image: 'A lighthouse' },
    },
    edits: {
      right: [
        ['text', { text: 'New' }],
        ['style_prompt', { style_prompt: 'noir' }],
        ['video_duration', { video_duration: 10 }],
        ['the product', { use_product_composite: true, product_id: 'mine-product' }],
        ['the storyboard', { storyboard_id: 'another' }],
        ['prompts as they are', { prompts: { image: 'A lighthouse' }, text: 'New' }],
      ],
      wrong: [
        ['text too long', { text: 'x'.repeat(4001) }],
        ['video_duration: 0', { video_duration: 0 }],
        ['user_id', { user_id: OTHER }],
        ['state', { state: 'video' }],
        ['image_url', { image_url: 'https://x.example/b.png' }],
        ['image_url away', { image_url: '$DELETE' }],
        ['video_url', { video_url: 'https://x.example/b.mp4' }],
        ['error_message', { error_message: null }],
        ['generation_status', { generation_status: { image: 'pending', video: 'pending' } }],
        ['a part of generation_status', { 'generation_status.image': 'pending' }],
        ['prompts', { prompts: { image: 'Another' } }],
        ['a part of prompts', { 'prompts.image': 'Another' }],
        ['prompts away', { prompts: '$DELETE' }],
        ['a new field', { note: 'x' }],
      ],
    },
  },
  products: {
    allows: EDITABLE,
    document: { user_id: OWNER, name: 'Cup', image_url: 'https://x.example/p.png' },
    change: { name: 'Mug' },
    fields: {
      user_id: OWNED_BY,
      name: words(200),
      image_url: { required: true, ...url },
      created_at: time,
      updated_at: time,
    },
    unknown: { price: 1, image_key: 'x' },
    edits: {
      right: [['name', { name: 'Mug' }], ['image_url', { image_url: 'https://x.example/q.png' }]],
      wrong: [
        ['image_url to a file', { image_url: 'file:///etc/passwd' }],
        ['image_url away', { image_url: '$DELETE' }],
        ['user_id', { user_id: OTHER }],
        ['a new field', { note: 'x' }],
      ],
    },
  },

  // of a user's own folder: its name is the filter
  'users/u1/videos': readOnly({ status: 'completed' }),
  'users/u1/videos/v1/clips': readOnly({ status: 'completed' }),
  'users/u1/usage': readOnly({ spent_microusd: 0 }),

  // of functions alone
  'users/u1/results': closed({ seed: 2 }),
  users: closed({ limit: 9 }),
  predictions: closed({ status: 'canceled' }),
  requests: closed({ job_path: 'x' }),
  usage: closed({ spent_microusd: 0 }),
  deletions: closed({ done: true }),
  'anything_else/x/y': closed({ z: 1 }),
};
