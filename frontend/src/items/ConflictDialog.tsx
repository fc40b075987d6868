/* ConflictDialog.tsx - an item changed while it was edited: mine, theirs, or field by field. */
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import FormControlLabel from "@mui/material/FormControlLabel";
import Radio from "@mui/material/Radio";
import RadioGroup from "@mui/material/RadioGroup";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { describeError } from "../api/problem";
import { FIELD_NAMES, type FieldName } from "../api/types";
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
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>();

  async function submit() {
    setBusy(true);
    setFault(undefined);
    try {
      await onSubmit(mergeSides(mine, theirs, sides));
    } catch (error) {
      setFault(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog open fullWidth maxWidth="sm" onClose={onClose} aria-labelledby="conflict-title">
      <DialogTitle id="conflict-title">{t("conflict.title")}</DialogTitle>
      <DialogContent>
        <DialogContentText sx={{ mb: 2 }}>{t("conflict.text")}</DialogContentText>
        <Stack direction="row" spacing={1} sx={{ mb: 2 }}>
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
        {fault !== undefined && (
          <Alert severity="error" sx={{ mt: 2 }}>
            {describeError(fault, t)}
          </Alert>
        )}
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{t("common.cancel")}</Button>
        <Button variant="contained" loading={busy} onClick={() => void submit()}>
          {t("conflict.save")}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
