/* FilterBar.tsx - search in any field, and exact filters; folded away on a phone. */
import FilterIcon from "@mui/icons-material/FilterList";
import Badge from "@mui/material/Badge";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Collapse from "@mui/material/Collapse";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Filters } from "./useItemList";

const EXACT = ["code", "type", "status", "area"] as const;
const TYPING_MS = 300;

/* Without the empty ones: the API takes an empty filter at its word. */
export function activeFilters(filters: Filters): Filters {
  return Object.fromEntries(
    Object.entries(filters).filter(([, value]) => typeof value === "string" && value !== ""),
  );
}

interface Props {
  onChange: (filters: Filters) => void;
}

export function FilterBar({ onChange }: Props) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState<Filters>({});
  const [open, setOpen] = useState(false);
  const exact = EXACT.filter((name) => (draft[name] ?? "") !== "").length;

  useEffect(() => {
    const timer = setTimeout(() => onChange(activeFilters(draft)), TYPING_MS);
    return () => clearTimeout(timer);
  }, [draft, onChange]);

  const set = (name: keyof Filters, value: string) =>
    setDraft((old) => ({ ...old, [name]: value }));

  return (
    <Box role="search" sx={{ mb: 2 }}>
      <Stack direction="row" spacing={1}>
        <TextField
          type="search"
          label={t("items.search")}
          placeholder={t("items.searchHint")}
          value={draft.q ?? ""}
          onChange={(event) => set("q", event.target.value)}
          sx={{ flexGrow: 1, maxWidth: 420 }}
        />
        <Badge badgeContent={exact} color="primary">
          <Button
            variant="outlined"
            startIcon={<FilterIcon />}
            aria-expanded={open}
            aria-controls="exact-filters"
            onClick={() => setOpen((was) => !was)}
          >
            {t("items.filters")}
          </Button>
        </Badge>
        {Object.keys(activeFilters(draft)).length > 0 && (
          <Button onClick={() => setDraft({})}>{t("items.clear")}</Button>
        )}
      </Stack>
      <Collapse in={open} id="exact-filters" unmountOnExit>
        <Box
          sx={{
            pt: 1.5,
            display: "grid",
            gap: 1.5,
            gridTemplateColumns: { xs: "1fr 1fr", md: "repeat(4, 1fr)" },
          }}
        >
          {EXACT.map((name) => (
            <TextField
              key={name}
              label={t(`field.${name}`)}
              value={draft[name] ?? ""}
              onChange={(event) => set(name, event.target.value)}
            />
          ))}
        </Box>
      </Collapse>
    </Box>
  );
}
