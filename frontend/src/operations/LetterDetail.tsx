/* LetterDetail.tsx - what the daemon wrote of a dead letter, in its words, which are English. */
import Typography from "@mui/material/Typography";
import type { DeadLetter } from "../api/types";

export function LetterDetail({ letter: { detail } }: { letter: DeadLetter }) {
  if (detail === null || detail === "") return null;
  return (
    <Typography
      lang="en"
      variant="body2"
      color="text.secondary"
      sx={{ my: 0.5, overflowWrap: "anywhere" }}
    >
      {detail}
    </Typography>
  );
}
