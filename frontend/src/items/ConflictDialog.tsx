/* ConflictDialog.tsx - an item changed while it was edited: mine, theirs, or field by field. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import FormControlLabel from "@mui/material/FormControlLabel";
import Radio from "@mui/material/Radio";
import RadioGroup from "@mui/material/RadioGroup";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { FIELD_NAMES, type FieldName } from "../api/types";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { mergeSides, proposeSides, type Draft, type Side } from "./merge";

interface Props {
  base: Draft;
  mine: Draft;
  theirs: Draft;
  onSubmit: (merged: Draft) => Promise<void>;
  onClose: () => void;
}

function both(side: Side): Record<FieldName, Side> {
  return Object.fromEntries(FIELD_NAMES.map((name) => [name, side])) as Record<FieldName, Side>;
}

interface ChoiceProps {
  name: FieldName;
  values: { base: string; mine: string; theirs: string };
  side: Side;
  onChange: (side: Side) => void;
}

function Choice({ name, values, side, onChange }: ChoiceProps) {
  const { t } = useTranslation();
  const shown = (value: string) => (value === "" ? t("common.empty") : value);
  if (values.mine === values.theirs) {
    return (
      <Box>
        <Typography variant="h3">{t(`field.${name}`)}</Typography>
        <Typography color="text.secondary">
          {shown(values.mine)} ({t("conflict.same")})
        </Typography>
      </Box>
    );
  }
  return (
    <Box>
      <Typography variant="h3">{t(`field.${name}`)}</Typography>
      <Typography variant="body2" color="text.secondary">
        {t("conflict.base")}: {shown(values.base)}
      </Typography>
      <RadioGroup
        aria-label={t("conflict.choose", { field: t(`field.${name}`) })}
        value={side}
        onChange={(_event, value) => onChange(value as Side)}
      >
        {(["mine", "theirs"] as const).map((one) => (
          <FormControlLabel
            key={one}
            value={one}
            control={<Radio size="small" />}
            label={`${t(`conflict.${one}`)}: ${shown(values[one])}`}
          />
        ))}
      </RadioGroup>
    </Box>
  );
}

export function ConflictDialog({ base, mine, theirs, onSubmit, onClose }: Props) {
  const { t } = useTranslation();
  const [sides, setSides] = useState(() => proposeSides(base, mine));

  return (
    <ConfirmDialog
      wide
      title={t("conflict.title")}
      text={t("conflict.text")}
      confirm={t("conflict.save")}
      onConfirm={() => onSubmit(mergeSides(mine, theirs, sides))}
      onClose={onClose}
    >
      <Stack direction="row" spacing={1} sx={{ my: 2 }}>
        <Button variant="outlined" size="small" onClick={() => setSides(both("mine"))}>
          {t("conflict.keepMine")}
        </Button>
        <Button variant="outlined" size="small" onClick={() => setSides(both("theirs"))}>
          {t("conflict.takeTheirs")}
        </Button>
      </Stack>
      <Stack spacing={2}>
        {FIELD_NAMES.map((name) => (
          <Choice
            key={name}
            name={name}
            values={{ base: base[name], mine: mine[name], theirs: theirs[name] }}
            side={sides[name]}
            onChange={(side) => setSides((old) => ({ ...old, [name]: side }))}
          />
        ))}
      </Stack>
    </ConfirmDialog>
  );
}
