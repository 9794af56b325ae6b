// Remembers, in this browser alone, which drawings were open: the service gives no list.

const KEY = "irodori-drawings", MOST = 12, SIDE = 120;

export function recents() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

function store(list) {
  try {
    localStorage.setItem(KEY, JSON.stringify(list.slice(0, MOST)));
  } catch {
    // a full or forbidden store: the drawing's address still leads to it
  }
}

export function remember(id, name, picture, colours) {
  const canvas = document.createElement("canvas");
  picture.thumbnail(canvas, colours, SIDE);
  const small = canvas.toDataURL("image/webp", 0.8).split(",")[1];
  store([{ id, name, small }, ...recents().filter((each) => each.id !== id)]);
}

export function forget(id) {
  store(recents().filter((each) => each.id !== id));
}

/** Draws a remembered picture. */
export async function draw(canvas, small) {
  const data = Uint8Array.from(atob(small), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([data]));
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
}
