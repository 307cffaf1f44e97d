// The table of what clients may do with files.
//
//   allows  what each person may do there; who is not named may do nothing, an administrator everything
//   types   of what may be uploaded, with the bytes that are too many for it, and of what may not

export const PEOPLE = { owner: 'u1', 'other user': 'u2', anonymous: null, 'a user called uploads': 'uploads' };
export const OPERATIONS = ['get', 'list', 'create', 'update', 'delete'];
export const UPLOADS = 'uploads/u1/pictures';

export const FOLDERS = {
  [UPLOADS]: { owner: OPERATIONS },
  'uploads/u1/a/b/c': { owner: OPERATIONS },
  'u1/v1/clips': { owner: ['get', 'list'] },
  'u1/images/s1': { owner: ['get', 'list'] },
  'u1/uploads/u1': { owner: ['get', 'list'] },
  'u2/v1/clips': { 'other user': ['get', 'list'] },
  'uploads/u2/pictures': { 'other user': OPERATIONS },
  'uploads/u1x/pictures': {},
  'u1x/v1/clips': {},
  'jobs/u1/uploads': {},
};

const MB = 1000 * 1000;
const SOUNDS = ['aac', 'flac', 'mp3', 'mp4', 'mpeg', 'ogg', 'wav', 'webm', 'x-m4a', 'x-wav'];
const VIDEOS = ['mp4', 'ogg', 'quicktime', 'webm', 'x-m4v', 'x-matroska', 'x-msvideo'];
export const TYPES = {
  right: [
    ...['png', 'jpeg', 'webp'].map((type) => [`image/${type}`, 30 * MB]),
    ...SOUNDS.map((type) => [`audio/${type}`, 50 * MB]),
    ...VIDEOS.map((type) => [`video/${type}`, 300 * MB]),
  ],
  wrong: [
    'image/svg+xml', 'image/gif', 'image/png; charset=x', 'image/', 'ximage/png', 'text/html', 'text/plain',
    'application/json', 'application/octet-stream', 'application/pdf', 'application/vnd.apple.mpegurl',
    'audio/mpegurl', 'audio/x-mpegurl',
    'video/mp4\ntext/html', 'video/', 'multipart/mixed', '', null,
  ],
};
