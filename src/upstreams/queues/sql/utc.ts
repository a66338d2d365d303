/** Now, to compare with columns that hold UTC without a time zone, as Ecto and Active Record make them. */
export const utcNow = "timezone('utc', now())";
