/* PendingList.tsx - the operations that wait for MySQL, oldest first. */
import AddIcon from "@mui/icons-material/Add";
import DeleteIcon from "@mui/icons-material/DeleteOutlined";
import EditIcon from "@mui/icons-material/EditOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import { useTranslation } from "react-i18next";
import { describeError } from "../api/problem";
import { listPending } from "../api/relevo";
import type { PendingOperation } from "../api/types";
import { Pager } from "../components/Pager";
import { usePages } from "../components/usePages";
import { useFormats } from "../i18n/format";
import { changesOf, codeOf, type Change } from "./pending";

const ALL = {};
const SIZES = [25, 50, 100];
const KINDS = {
  create: { color: "success", icon: <AddIcon /> },
  update: { color: "info", icon: <EditIcon /> },
  delete: { color: "error", icon: <DeleteIcon /> },
} as const;

function ChangeLine({ change: { name, from, to } }: { change: Change }) {
  const { t } = useTranslation();
  return (
    <div>
      <Box component="span" sx={{ color: "text.secondary" }}>
        {t(`field.${name}`)}:{" "}
      </Box>
      {from !== undefined && <del>{from}</del>}
      {from !== undefined && to !== undefined && " → "}
      {to !== undefined && <ins>{to}</ins>}
    </div>
  );
}

function PendingRow({ operation }: { operation: PendingOperation }) {
  const { t } = useTranslation();
  const { dateTime } = useFormats();
  const { kind, item_id: id, accepted_at: accepted, instance } = operation;
  const { color, icon } = KINDS[kind];
  return (
    <TableRow data-testid="pending" sx={{ "& > *": { verticalAlign: "top" } }}>
      <TableCell>
        <Chip
          size="small"
          variant="outlined"
          color={color}
          icon={icon}
          label={t(`operations.kind.${kind}`)}
        />
      </TableCell>
      <TableCell component="th" scope="row" sx={{ fontWeight: 600 }}>
        {codeOf(operation) ?? t("common.empty")}
        {typeof id === "number" && (
          <Box sx={{ color: "text.secondary", fontWeight: 400 }}>{t("operations.id", { id })}</Box>
        )}
      </TableCell>
      <TableCell sx={{ minWidth: 220, overflowWrap: "anywhere", "& del": { opacity: 0.8 } }}>
        {changesOf(operation).map((change) => (
          <ChangeLine key={change.name} change={change} />
        ))}
      </TableCell>
      <TableCell sx={{ whiteSpace: "nowrap" }}>
        {accepted === null ? t("common.empty") : dateTime(accepted)}
      </TableCell>
      <TableCell>{instance === "" ? t("common.empty") : instance}</TableCell>
    </TableRow>
  );
}

export function PendingList() {
  const { t } = useTranslation();
  const { answer, error, model, setModel } = usePages(listPending, ALL, 25);
  const operations = answer?.data ?? [];
  return (
    <>
      {error !== undefined && <Alert severity="error">{describeError(error, t)}</Alert>}
      {answer?.total === 0 && <Alert severity="success">{t("operations.noneWaits")}</Alert>}
      {operations.length > 0 && (
        <>
          {/* It scrolls sideways on a phone, so the keyboard has to reach it. */}
          <TableContainer tabIndex={0} role="region" aria-label={t("operations.waitingTable")}>
            <Table size="small">
              <TableHead>
                <TableRow>
                  <TableCell>{t("operations.what")}</TableCell>
                  <TableCell>{t("operations.whichItem")}</TableCell>
                  <TableCell>{t("operations.changes")}</TableCell>
                  <TableCell>{t("operations.accepted")}</TableCell>
                  <TableCell>{t("operations.instance")}</TableCell>
                </TableRow>
              </TableHead>
              <TableBody>
                {operations.map((one) => (
                  <PendingRow key={one.operation} operation={one} />
                ))}
              </TableBody>
            </Table>
          </TableContainer>
          <Pager model={model} total={answer?.total ?? 0} sizes={SIZES} onChange={setModel} />
        </>
      )}
    </>
  );
}
