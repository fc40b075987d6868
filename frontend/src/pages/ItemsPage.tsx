/* ItemsPage.tsx - the list of items, and the dialogs that change them. */
import AddIcon from "@mui/icons-material/Add";
import ExportIcon from "@mui/icons-material/FileDownloadOutlined";
import ImportIcon from "@mui/icons-material/FileUploadOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { lazy, Suspense, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { describeError } from "../api/problem";
import type { Item } from "../api/types";
import { CreateDialog } from "../items/CreateDialog";
import { DeleteDialog } from "../items/DeleteDialog";
import { EditDialog } from "../items/EditDialog";
import { FilterBar } from "../items/FilterBar";
import { ItemGrid } from "../items/ItemGrid";
import { useItemList, type Filters } from "../items/useItemList";
import { useSession } from "../session/SessionProvider";

/* Not needed to see the page. */
const ExportDialog = lazy(() => import("../csv/ExportDialog"));
const ImportDialog = lazy(() => import("../csv/ImportDialog"));

type Open =
  | { dialog: "create" }
  | { dialog: "export" }
  | { dialog: "import" }
  | { dialog: "edit" | "delete"; item: Item };

interface DialogsProps {
  open: Open;
  filters: Filters;
  onDone: () => void;
  onClose: () => void;
}

function Dialogs({ open, filters, onDone, onClose }: DialogsProps) {
  if (open.dialog === "export") return <ExportDialog filters={filters} onClose={onClose} />;
  if (open.dialog === "import") return <ImportDialog onChange={onDone} onClose={onClose} />;
  if (open.dialog === "create") return <CreateDialog onDone={onDone} onClose={onClose} />;
  const Dialog = open.dialog === "edit" ? EditDialog : DeleteDialog;
  return <Dialog item={open.item} onDone={onDone} onClose={onClose} />;
}

export default function ItemsPage() {
  const { t } = useTranslation();
  const { session, canWrite } = useSession();
  const [filters, setFilters] = useState<Filters>({});
  const [open, setOpen] = useState<Open>();
  const list = useItemList(filters);
  const { refresh } = list;
  const close = useCallback(() => setOpen(undefined), []);
  const done = useCallback(() => {
    setOpen(undefined);
    refresh();
  }, [refresh]);
  const edit = useCallback((item: Item) => setOpen({ dialog: "edit", item }), []);
  const remove = useCallback((item: Item) => setOpen({ dialog: "delete", item }), []);

  return (
    <Box component="section" aria-labelledby="items-title">
      <Stack
        direction="row"
        useFlexGap
        sx={{ mb: 2, gap: 1, alignItems: "center", flexWrap: "wrap" }}
      >
        <Typography id="items-title" variant="h1">
          {t("items.title")}
        </Typography>
        {session?.role === "read" && <Chip size="small" label={t("app.reader")} />}
        <Box sx={{ flexGrow: 1 }} />
        <Button startIcon={<ExportIcon />} onClick={() => setOpen({ dialog: "export" })}>
          {t("items.export")}
        </Button>
        {canWrite && (
          <Button startIcon={<ImportIcon />} onClick={() => setOpen({ dialog: "import" })}>
            {t("items.import")}
          </Button>
        )}
        {canWrite && (
          <Button
            variant="contained"
            startIcon={<AddIcon />}
            onClick={() => setOpen({ dialog: "create" })}
          >
            {t("items.new")}
          </Button>
        )}
      </Stack>
      <FilterBar onChange={setFilters} />
      {list.error !== undefined && (
        <Alert severity="error" sx={{ mb: 2 }}>
          {describeError(list.error, t)}
        </Alert>
      )}
      {list.answer?.stale && (
        <Alert severity="warning" sx={{ mb: 2 }}>
          {t("items.stale")}
        </Alert>
      )}
      <ItemGrid
        list={list}
        onEdit={canWrite ? edit : undefined}
        onDelete={canWrite ? remove : undefined}
      />
      {open !== undefined && (
        <Suspense fallback={null}>
          <Dialogs open={open} filters={filters} onDone={done} onClose={close} />
        </Suspense>
      )}
    </Box>
  );
}
