/* FieldInputs.tsx - the inputs for an item's data fields, each with its error below. */
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { describeFieldError } from "../api/problem";
import { FIELD_NAMES, type FieldName } from "../api/types";
import type { Draft } from "./merge";

interface Props {
  draft: Draft;
  onChange: (draft: Draft) => void;
  errors: Record<string, string>;
  disabled?: boolean;
}

export function FieldInputs({ draft, onChange, errors, disabled = false }: Props) {
  const { t } = useTranslation();

  const input = (name: FieldName, index: number) => {
    const error = errors[name];
    const isDate = name === "acquisition_date";
    const hint = isDate ? t("dialog.dateHint") : " ";
    return (
      <TextField
        key={name}
        name={name}
        fullWidth
        autoFocus={index === 0}
        disabled={disabled}
        required={!isDate}
        type={isDate ? "date" : "text"}
        label={t(`field.${name}`)}
        value={draft[name]}
        error={error !== undefined}
        helperText={error === undefined ? hint : describeFieldError(error, t)}
        slotProps={{ inputLabel: isDate ? { shrink: true } : {} }}
        onChange={(event) => onChange({ ...draft, [name]: event.target.value })}
      />
    );
  };

  return <Stack sx={{ gap: 0.5, pt: 1 }}>{FIELD_NAMES.map(input)}</Stack>;
}
