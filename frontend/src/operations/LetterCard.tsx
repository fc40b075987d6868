/* LetterCard.tsx - one dead letter: why, what it wanted, what it met. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Card from "@mui/material/Card";
import CardActions from "@mui/material/CardActions";
import CardContent from "@mui/material/CardContent";
import Chip from "@mui/material/Chip";
import Stack from "@mui/material/Stack";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import type { DeadLetter } from "../api/types";
import { useFormats } from "../i18n/format";
import { compare, whyOf } from "./letter";
import { LetterDetail } from "./LetterDetail";

interface Props {
  letter: DeadLetter;
  onRetry: ((letter: DeadLetter) => void) | undefined; // undefined: may not
  onDiscard: ((letter: DeadLetter) => void) | undefined;
}

const SIDES = ["base", "data", "current"] as const;

function Values({ letter, title }: { letter: DeadLetter; title: string }) {
  const { t } = useTranslation();
  const rows = compare(letter);
  if (rows.length === 0) return null;
  return (
    <TableContainer
      tabIndex={0}
      role="region"
      aria-label={`${t("operations.data")}: ${title}`}
      sx={{ mt: 1 }}
    >
      <Table size="small">
        <TableHead>
          <TableRow>
            <TableCell>{t("conflict.field")}</TableCell>
            {SIDES.map((side) => (
              <TableCell key={side}>{t(`operations.${side}`)}</TableCell>
            ))}
          </TableRow>
        </TableHead>
        <TableBody>
          {rows.map(({ name, values }) => (
            <TableRow key={name}>
              <TableCell component="th" scope="row">
                {t(`field.${name}`)}
              </TableCell>
              {SIDES.map((side) => (
                <TableCell key={side} sx={{ fontWeight: side === "data" ? 600 : undefined }}>
                  {values[side] === null ? t("common.empty") : values[side]}
                </TableCell>
              ))}
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </TableContainer>
  );
}

function Facts({ letter }: { letter: DeadLetter }) {
  const { t } = useTranslation();
  const { dateTime } = useFormats();
  const facts = [
    { label: t("operations.accepted"), value: letter.accepted_at && dateTime(letter.accepted_at) },
    { label: t("operations.instance"), value: letter.instance },
    { label: t("operations.operation"), value: letter.operation },
  ];
  return (
    <Typography variant="body2" color="text.secondary" sx={{ overflowWrap: "anywhere" }}>
      {facts
        .filter(({ value }) => Boolean(value))
        .map(({ label, value }) => `${label}: ${value ?? ""}`)
        .join(" · ")}
    </Typography>
  );
}

/* Drawn anew only for another letter or callback, not with each event of the live state. */
export const LetterCard = memo(function LetterCard({ letter, onRetry, onDiscard }: Props) {
  const { t } = useTranslation();
  const title = `${t(`operations.kind.${letter.kind}`)}${
    letter.id === null ? "" : ` · ${t("operations.item", { id: letter.id })}`
  }`;
  return (
    <Card component="article" aria-label={title} data-testid="letter">
      <CardContent sx={{ pb: 1 }}>
        <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap", alignItems: "center" }}>
          <Typography variant="h3">{title}</Typography>
          <Chip size="small" color="error" label={t(`operations.reason.${letter.reason}`)} />
        </Stack>
        <Typography sx={{ my: 0.5 }}>{t(`operations.why.${whyOf(letter)}`)}</Typography>
        <LetterDetail letter={letter} />
        <Facts letter={letter} />
        <Values letter={letter} title={title} />
      </CardContent>
      <CardActions sx={{ px: 2, pb: 1.5 }}>
        {onRetry !== undefined && (
          <Button size="small" variant="outlined" onClick={() => onRetry(letter)}>
            {t("operations.retry")}
          </Button>
        )}
        {onDiscard !== undefined && (
          <Button size="small" color="error" onClick={() => onDiscard(letter)}>
            {t("operations.discard")}
          </Button>
        )}
        {onRetry === undefined && onDiscard === undefined && <Box />}
      </CardActions>
    </Card>
  );
});
