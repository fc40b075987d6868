/* Pager.tsx - beside a list that is shown in pages: which part, back and on. */
import TablePagination from "@mui/material/TablePagination";
import { useTranslation } from "react-i18next";
import { useFormats } from "../i18n/format";
import type { PageModel } from "./usePages";

interface Props {
  model: PageModel;
  total: number;
  sizes: number[];
  onChange: (model: PageModel) => void;
}

export function Pager({ model, total, sizes, onChange }: Props) {
  const { t } = useTranslation();
  const { number } = useFormats();
  return (
    <TablePagination
      component="div"
      count={total}
      page={Math.min(model.page, Math.max(0, Math.ceil(total / model.pageSize) - 1))}
      rowsPerPage={model.pageSize}
      rowsPerPageOptions={sizes}
      labelRowsPerPage={t("pager.size")}
      labelDisplayedRows={({ from, to, count }) =>
        t("pager.shown", { from: number(from), to: number(to), total: number(count) })
      }
      getItemAriaLabel={(type) => t(type === "next" ? "pager.next" : "pager.previous")}
      onPageChange={(_event, page) => onChange({ ...model, page })}
      onRowsPerPageChange={(event) => onChange({ page: 0, pageSize: Number(event.target.value) })}
      sx={{ flexShrink: 0, borderTop: 1, borderColor: "divider" }}
    />
  );
}
