// The database driver that the host serves to the plugin; mirrors plugin/db_rpc.go. Connections,
// statements, transactions and rows are named by ids of the host.
import { bool, int, slice, string, struct, type Schema, type ValueOf } from '../gob/index.ts';
import { errorAt, method } from './method.ts';
import { errorSchema } from './model/error.ts';
import { anyListSchema, anySchema } from './model/values.ts';

const namedValueSchema = struct('NamedValue', { Name: string, Ordinal: int, Value: anySchema });
/** An argument of a statement; `Ordinal` counts from 1. */
export type NamedValue = ValueOf<typeof namedValueSchema>;

const textAndError = struct('Z_DbStrErrReturn', { A: string, B: errorSchema });
const errorReturn = struct('Z_DbErrReturn', { A: errorSchema });
const statementArgs = struct('Z_DbStmtQueryArgs', { A: string, B: slice(namedValueSchema) });
const sqlArgs = struct('Z_DbConnArgs', { A: string, B: string, C: slice(namedValueSchema) });
const resultSchema = struct('ResultContainer', {
  LastID: int,
  LastIDError: errorSchema,
  RowsAffected: int,
  RowsAffectedError: errorSchema,
});
const resultAndError = struct('Z_DbResultContErrReturn', { A: resultSchema, B: errorSchema });
const columnArgs = struct('Z_DbRowsColumnArg', { A: string, B: int });

const closing = (name: string) => method(name, string, errorReturn, errorAt('A'));
const single = <R>(name: string, value: Schema<R>) =>
  method(name, string, struct('R', { A: value }));

export const driver = {
  /** True asks for a connection to the master. */
  Conn: method('Conn', bool, textAndError, errorAt('B')),
  ConnPing: closing('ConnPing'),
  ConnClose: closing('ConnClose'),
  ConnQuery: method('ConnQuery', sqlArgs, textAndError, errorAt('B')),
  ConnExec: method('ConnExec', sqlArgs, resultAndError, errorAt('B')),
  Stmt: method(
    'Stmt',
    struct('Z_DbStmtArgs', { A: string, B: string }),
    textAndError,
    errorAt('B'),
  ),
  StmtQuery: method('StmtQuery', statementArgs, textAndError, errorAt('B')),
  StmtExec: method('StmtExec', statementArgs, resultAndError, errorAt('B')),
  StmtClose: closing('StmtClose'),
  StmtNumInput: single('StmtNumInput', int),
  Tx: method(
    'Tx',
    struct('Z_DbTxArgs', {
      A: string,
      B: struct('TxOptions', { Isolation: int, ReadOnly: bool }),
    }),
    textAndError,
    errorAt('B'),
  ),
  TxCommit: closing('TxCommit'),
  TxRollback: closing('TxRollback'),
  RowsColumns: single('RowsColumns', slice(string)),
  /**
   * The host fills the list that it is sent, so that has one nil for each column. The end of the
   * rows is the error `ERR_DATABASE_EOF`.
   */
  RowsNext: method(
    'RowsNext',
    struct('Z_DbRowScanArg', { A: string, B: anyListSchema }),
    struct('Z_DbRowScanReturn', { A: errorSchema, B: anyListSchema }),
    errorAt('A'),
  ),
  RowsClose: closing('RowsClose'),
  RowsHasNextResultSet: single('RowsHasNextResultSet', bool),
  RowsNextResultSet: closing('RowsNextResultSet'),
  RowsColumnTypeDatabaseTypeName: method('RowsColumnTypeDatabaseTypeName', columnArgs, string),
  RowsColumnTypePrecisionScale: method(
    'RowsColumnTypePrecisionScale',
    columnArgs,
    struct('Z_DbRowsColumnTypePrecisionScaleReturn', { A: int, B: int, C: bool }),
  ),
} as const;
