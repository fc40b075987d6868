/* ItemGrid.tsx - the grid of items; paging is the server's. */
import DeleteIcon from "@mui/icons-material/DeleteOutlined";
import EditIcon from "@mui/icons-material/EditOutlined";
import PendingIcon from "@mui/icons-material/HourglassTop";
import Chip from "@mui/material/Chip";
import IconButton from "@mui/material/IconButton";
import Stack from "@mui/material/Stack";
import Tooltip from "@mui/material/Tooltip";
import useMediaQuery from "@mui/material/useMediaQuery";
import { useTheme } from "@mui/material/styles";
import { DataGrid, type GridColDef, type GridRenderCellParams } from "@mui/x-data-grid";
import { enUS, esES } from "@mui/x-data-grid/locales";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Item } from "../api/types";
import { useFormats } from "../i18n/format";
import type { ItemList } from "./useItemList";

type Cell = GridRenderCellParams<Item>;

interface Props {
  list: ItemList;
  onEdit: ((item: Item) => void) | undefined; // undefined: may not
  onDelete: ((item: Item) => void) | undefined;
}

function CodeCell({ row }: Cell) {
  const { t } = useTranslation();
  return (
    <Stack direction="row" spacing={1} sx={{ alignItems: "center", height: "100%", minWidth: 0 }}>
      <span style={{ overflow: "hidden", textOverflow: "ellipsis" }}>{row.code}</span>
      {row.pending && (
        <Tooltip title={t("items.pendingHint")}>
          <Chip
            size="small"
            color="warning"
            variant="outlined"
            icon={<PendingIcon />}
            label={t("items.pending")}
          />
        </Tooltip>
      )}
    </Stack>
  );
}

function IdCell({ row }: Cell) {
  return typeof row.id === "number" ? row.id : "—";
}

function ActionsCell({ row, onEdit, onDelete }: { row: Item } & Omit<Props, "list">) {
  const { t } = useTranslation();
  const code = row.code ?? row.id;
  return (
    <>
      {onEdit !== undefined && (
        <IconButton size="small" aria-label={t("items.edit", { code })} onClick={() => onEdit(row)}>
          <EditIcon fontSize="small" />
        </IconButton>
      )}
      {onDelete !== undefined && (
        <IconButton
          size="small"
          aria-label={t("items.delete", { code })}
          onClick={() => onDelete(row)}
        >
          <DeleteIcon fontSize="small" />
        </IconButton>
      )}
    </>
  );
}

function useColumns({ onEdit, onDelete }: Omit<Props, "list">): GridColDef<Item>[] {
  const { t } = useTranslation();
  const { date, dateTime } = useFormats();
  return useMemo(() => {
    const columns: GridColDef<Item>[] = [
      { field: "id", headerName: t("field.id"), width: 80, renderCell: IdCell },
      {
        field: "code",
        headerName: t("field.code"),
        flex: 1.2,
        minWidth: 130,
        renderCell: CodeCell,
      },
      { field: "type", headerName: t("field.type"), flex: 1, minWidth: 100 },
      { field: "status", headerName: t("field.status"), flex: 1, minWidth: 96 },
      { field: "area", headerName: t("field.area"), flex: 1, minWidth: 100 },
      {
        field: "acquisition_date",
        headerName: t("field.acquisition_short"),
        width: 120,
        valueFormatter: (value: string | null) => (value === null ? "" : date(value)),
      },
      {
        field: "updated_at",
        headerName: t("field.updated_at"),
        width: 165,
        valueFormatter: (value: string) => dateTime(value),
      },
    ];
    if (onEdit !== undefined || onDelete !== undefined) {
      columns.push({
        field: "actions",
        headerName: t("field.actions"),
        width: 92,
        align: "right",
        headerAlign: "right",
        renderCell: ({ row }) => <ActionsCell row={row} onEdit={onEdit} onDelete={onDelete} />,
      });
    }
    return columns.map((column) => ({ ...column, sortable: false, disableColumnMenu: true }));
  }, [t, date, dateTime, onEdit, onDelete]);
}

export function ItemGrid({ list, onEdit, onDelete }: Props) {
  const { t, i18n } = useTranslation();
  const theme = useTheme();
  const wide = useMediaQuery(theme.breakpoints.up("md"), { noSsr: true });
  const columns = useColumns({ onEdit, onDelete });
  const locale = i18n.language === "es" ? esES : enUS;
  const texts = locale.components.MuiDataGrid.defaultProps.localeText;
  return (
    <DataGrid<Item>
      aria-label={t("items.title")}
      rows={list.answer?.data ?? []}
      columns={columns}
      columnVisibilityModel={{
        id: wide,
        type: wide,
        area: wide,
        acquisition_date: wide,
        updated_at: wide,
      }}
      rowCount={list.answer?.total ?? 0}
      loading={list.loading}
      paginationMode="server"
      paginationModel={list.model}
      onPaginationModelChange={list.setModel}
      pageSizeOptions={[25, 50, 100]}
      density="compact"
      disableColumnFilter
      disableColumnSelector
      disableRowSelectionOnClick
      localeText={{ ...texts, noRowsLabel: t("items.none") }}
      getRowClassName={({ row }) => (row.pending ? "pending" : "")}
      sx={{
        height: { xs: "calc(100dvh - 330px)", md: "calc(100dvh - 260px)" },
        minHeight: 380,
        bgcolor: "background.paper",
        "& .pending": { bgcolor: "rgba(var(--mui-palette-warning-mainChannel) / 0.10)" },
      }}
    />
  );
}
