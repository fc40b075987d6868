/* ItemGrid.tsx - the table of items; paging is the server's, so few rows are here at a time. */
import DeleteIcon from "@mui/icons-material/DeleteOutlined";
import EditIcon from "@mui/icons-material/EditOutlined";
import PendingIcon from "@mui/icons-material/HourglassTop";
import Chip from "@mui/material/Chip";
import IconButton from "@mui/material/IconButton";
import LinearProgress from "@mui/material/LinearProgress";
import Paper from "@mui/material/Paper";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import useMediaQuery from "@mui/material/useMediaQuery";
import { useTheme } from "@mui/material/styles";
import { memo, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Item } from "../api/types";
import { Pager } from "../components/Pager";
import { useFormats } from "../i18n/format";
import type { ItemList } from "./useItemList";

const WIDE = ["id", "code", "type", "status", "area", "acquisition_date", "updated_at"] as const;
const NARROW = ["code", "status"] as const;
const SIZES = [25, 50, 100];
/* Plain cells: a component for each of the hundreds takes its time on a slow machine. */
const ROWS = {
  "& tbody": { typography: "body2" },
  "& tbody td, & tbody th": {
    px: 2,
    py: 0.75,
    borderBottom: "1px solid var(--mui-palette-TableCell-border)",
    textAlign: "left",
    fontWeight: 400,
    overflowWrap: "anywhere",
  },
  "& tbody td.actions": { py: 0, textAlign: "right", whiteSpace: "nowrap" },
  "& tbody tr:hover": { bgcolor: "action.hover" },
  "& tbody tr.pending": { bgcolor: "rgba(var(--mui-palette-warning-mainChannel) / 0.10)" },
};
type Column = (typeof WIDE)[number];

interface Actions {
  onEdit: ((item: Item) => void) | undefined; // undefined: may not
  onDelete: ((item: Item) => void) | undefined;
}

function PendingMark() {
  const { t } = useTranslation();
  return (
    <Tooltip describeChild title={t("items.pendingHint")}>
      <Chip
        size="small"
        color="warning"
        variant="outlined"
        icon={<PendingIcon />}
        label={t("items.pending")}
      />
    </Tooltip>
  );
}

function ActionsCell({ item, onEdit, onDelete }: { item: Item } & Actions) {
  const { t } = useTranslation();
  const code = item.code ?? item.id;
  return (
    <td className="actions">
      {onEdit !== undefined && (
        <IconButton
          size="small"
          disableRipple
          aria-label={t("items.edit", { code })}
          onClick={() => onEdit(item)}
        >
          <EditIcon fontSize="small" />
        </IconButton>
      )}
      {onDelete !== undefined && (
        <IconButton
          size="small"
          disableRipple
          aria-label={t("items.delete", { code })}
          onClick={() => onDelete(item)}
        >
          <DeleteIcon fontSize="small" />
        </IconButton>
      )}
    </td>
  );
}

interface RowProps extends Actions {
  item: Item;
  columns: readonly Column[];
  index: number; // in the whole list, from 1
}

const ItemRow = memo(function ItemRow({ item, columns, index, onEdit, onDelete }: RowProps) {
  const { t } = useTranslation();
  const { date, dateTime } = useFormats();
  const texts: Record<Column, string | null> = {
    ...item,
    id: typeof item.id === "number" ? String(item.id) : t("common.empty"),
    acquisition_date: item.acquisition_date === null ? "" : date(item.acquisition_date),
    updated_at: dateTime(item.updated_at),
  };
  const mayChange = onEdit !== undefined || onDelete !== undefined;
  return (
    <tr aria-rowindex={index + 1} className={item.pending ? "pending" : undefined}>
      {columns.map((name) =>
        name === "code" ? (
          <th key={name} scope="row" data-field={name}>
            {texts.code} {item.pending && <PendingMark />}
          </th>
        ) : (
          <td key={name} data-field={name}>
            {texts[name]}
          </td>
        ),
      )}
      {mayChange && <ActionsCell item={item} onEdit={onEdit} onDelete={onDelete} />}
    </tr>
  );
});

function Head({ columns, actions }: { columns: readonly Column[]; actions: boolean }) {
  const { t } = useTranslation();
  return (
    <TableHead>
      <TableRow aria-rowindex={1}>
        {columns.map((name) => (
          <TableCell key={name} sx={{ whiteSpace: "nowrap" }}>
            {t(name === "acquisition_date" ? "field.acquisition_short" : `field.${name}`)}
          </TableCell>
        ))}
        {actions && <TableCell align="right">{t("field.actions")}</TableCell>}
      </TableRow>
    </TableHead>
  );
}

/* Another page is read from its top. */
function useTop(of: string) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = 0;
  }, [of]);
  return box;
}

interface Props extends Actions {
  list: ItemList;
}

export function ItemGrid({ list, onEdit, onDelete }: Props) {
  const { t } = useTranslation();
  const theme = useTheme();
  const wide = useMediaQuery(theme.breakpoints.up("md"), { noSsr: true });
  const { page, pageSize } = list.model;
  const box = useTop(`${page} ${pageSize}`);
  const columns = wide ? WIDE : NARROW;
  const items = list.answer?.data ?? [];
  const total = list.answer?.total ?? 0;
  return (
    <Paper
      variant="outlined"
      sx={{
        display: "flex",
        flexDirection: "column",
        position: "relative",
        height: { xs: "calc(100dvh - 330px)", md: "calc(100dvh - 260px)" },
        minHeight: 380,
        overflow: "hidden",
      }}
    >
      {list.loading && (
        <LinearProgress
          aria-label={t("app.loading")}
          sx={{ position: "absolute", top: 0, left: 0, right: 0, zIndex: 3 }}
        />
      )}
      {/* It scrolls, so the keyboard has to reach it. */}
      <TableContainer
        ref={box}
        tabIndex={0}
        role="region"
        aria-label={t("items.table")}
        sx={{ flexGrow: 1 }}
      >
        <Table
          size="small"
          stickyHeader
          aria-label={t("items.title")}
          aria-rowcount={total + 1}
          aria-busy={list.loading}
          sx={ROWS}
        >
          <Head columns={columns} actions={onEdit !== undefined || onDelete !== undefined} />
          <TableBody>
            {items.map((item, index) => (
              <ItemRow
                key={item.id}
                item={item}
                columns={columns}
                index={page * pageSize + index + 1}
                onEdit={onEdit}
                onDelete={onDelete}
              />
            ))}
          </TableBody>
        </Table>
        {list.answer?.count === 0 && (
          <Typography sx={{ p: 3, textAlign: "center", color: "text.secondary" }}>
            {t("items.none")}
          </Typography>
        )}
      </TableContainer>
      <Pager model={list.model} total={total} sizes={SIZES} onChange={list.setModel} />
    </Paper>
  );
}
