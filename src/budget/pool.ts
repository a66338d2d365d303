/** Memory that all requests share. */
export interface Pool {
  /** Takes so many bytes; false, with nothing taken, when the owner or all together would have too many. */
  take(owner: string, bytes: number): boolean;
  give(owner: string, bytes: number): void;
}

/** `size`: bytes of all owners; `share`: the part of it that one owner may have, 0..1, so that the others are served beside him. */
export function createPool(size: number, share: number): Pool {
  let taken = 0;
  const byOwner = new Map<string, number>();
  return {
    take(owner, bytes) {
      const own = (byOwner.get(owner) ?? 0) + bytes;
      if (taken + bytes > size || own > size * share) return false;
      taken += bytes;
      byOwner.set(owner, own);
      return true;
    },
    give(owner, bytes) {
      taken -= bytes;
      const left = (byOwner.get(owner) ?? 0) - bytes;
      if (left > 0) byOwner.set(owner, left);
      else byOwner.delete(owner);
    },
  };
}
