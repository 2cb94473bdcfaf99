package host

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"
	"sync"

	_ "github.com/lib/pq" // registers the "postgres" driver
	"github.com/mattermost/mattermost/server/public/plugin"
)

// objects numbers the things that the plugin refers to by id: connections, transactions, statements, rows.
type objects[T any] struct {
	mu    sync.Mutex
	last  int
	items map[string]T
}

func (o *objects[T]) add(item T) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.items == nil {
		o.items = map[string]T{}
	}
	o.last++
	id := strconv.Itoa(o.last)
	o.items[id] = item
	return id
}

// get answers driver.ErrBadConn for an id it does not know, as the server does.
func (o *objects[T]) get(id string) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	item, ok := o.items[id]
	if !ok {
		return item, driver.ErrBadConn
	}
	return item, nil
}

func (o *objects[T]) take(id string) (T, error) {
	item, err := o.get(id)
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.items, id)
	return item, err
}

// driverImpl is plugin.AppDriver over a real PostgreSQL or MariaDB, with the behaviour of the server's app/plugin_db_driver.go.
type driverImpl struct {
	db    *sql.DB
	conns objects[*sql.Conn]
	txs   objects[driver.Tx]
	stmts objects[driver.Stmt]
	rows  objects[driver.Rows]
}

func newDriver(dsn string) (*driverImpl, error) {
	if dsn == "" {
		return &driverImpl{}, nil
	}
	name := "mysql" // registered by the main package of a release that knows it
	if strings.HasPrefix(dsn, "postgres://") {
		name = "postgres"
	}
	db, err := sql.Open(name, dsn)
	return &driverImpl{db: db}, err
}

func (d *driverImpl) close() {
	if d.db != nil {
		d.db.Close()
	}
}

// raw runs fn on the driver's own connection.
func raw[T any](d *driverImpl, connID string, fn func(conn T) error) error {
	conn, err := d.conns.get(connID)
	if err != nil {
		return err
	}
	return conn.Raw(func(inner any) error { return fn(inner.(T)) })
}

func result(res driver.Result, err error) (plugin.ResultContainer, error) {
	var ret plugin.ResultContainer
	if err != nil {
		return ret, err
	}
	ret.LastID, ret.LastIDError = res.LastInsertId()
	ret.RowsAffected, ret.RowsAffectedError = res.RowsAffected()
	return ret, nil
}

func (d *driverImpl) Conn(isMaster bool) (string, error) {
	if d.db == nil {
		return "", errors.New("this host was started without a database")
	}
	conn, err := d.db.Conn(context.Background())
	if err != nil {
		return "", err
	}
	return d.conns.add(conn), nil
}

func (d *driverImpl) ConnWithPluginID(isMaster bool, pluginID string) (string, error) {
	return d.Conn(isMaster)
}

func (d *driverImpl) ShutdownConns(pluginID string) {
	d.conns.mu.Lock()
	defer d.conns.mu.Unlock()
	for id, conn := range d.conns.items {
		conn.Close()
		delete(d.conns.items, id)
	}
}

func (d *driverImpl) ConnPing(connID string) error {
	return raw(d, connID, func(conn driver.Pinger) error { return conn.Ping(context.Background()) })
}

func (d *driverImpl) ConnClose(connID string) error {
	conn, err := d.conns.take(connID)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (d *driverImpl) ConnQuery(connID, q string, args []driver.NamedValue) (id string, err error) {
	err = raw(d, connID, func(conn driver.QueryerContext) error {
		rows, err := conn.QueryContext(context.Background(), q, args)
		if err == nil {
			id = d.rows.add(rows)
		}
		return err
	})
	return id, err
}

func (d *driverImpl) ConnExec(connID, q string, args []driver.NamedValue) (ret plugin.ResultContainer, err error) {
	err = raw(d, connID, func(conn driver.ExecerContext) error {
		ret, err = result(conn.ExecContext(context.Background(), q, args))
		return err
	})
	return ret, err
}

func (d *driverImpl) Tx(connID string, opts driver.TxOptions) (id string, err error) {
	err = raw(d, connID, func(conn driver.ConnBeginTx) error {
		tx, err := conn.BeginTx(context.Background(), opts)
		if err == nil {
			id = d.txs.add(tx)
		}
		return err
	})
	return id, err
}

func (d *driverImpl) TxCommit(txID string) error {
	tx, err := d.txs.take(txID)
	if err != nil {
		return err
	}
	return tx.Commit()
}

func (d *driverImpl) TxRollback(txID string) error {
	tx, err := d.txs.take(txID)
	if err != nil {
		return err
	}
	return tx.Rollback()
}

func (d *driverImpl) Stmt(connID, q string) (id string, err error) {
	err = raw(d, connID, func(conn driver.Conn) error {
		stmt, err := conn.Prepare(q)
		if err == nil {
			id = d.stmts.add(stmt)
		}
		return err
	})
	return id, err
}

func (d *driverImpl) StmtClose(stID string) error {
	stmt, err := d.stmts.take(stID)
	if err != nil {
		return err
	}
	return stmt.Close()
}

func (d *driverImpl) StmtNumInput(stID string) int {
	stmt, err := d.stmts.get(stID)
	if err != nil {
		return 0
	}
	return stmt.NumInput()
}

func values(args []driver.NamedValue) []driver.Value {
	plain := make([]driver.Value, len(args))
	for i, arg := range args {
		plain[i] = arg.Value
	}
	return plain
}

func (d *driverImpl) StmtQuery(stID string, args []driver.NamedValue) (string, error) {
	stmt, err := d.stmts.get(stID)
	if err != nil {
		return "", err
	}
	rows, err := stmt.Query(values(args)) //nolint:staticcheck // the server calls this one
	if err != nil {
		return "", err
	}
	return d.rows.add(rows), nil
}

func (d *driverImpl) StmtExec(stID string, args []driver.NamedValue) (plugin.ResultContainer, error) {
	stmt, err := d.stmts.get(stID)
	if err != nil {
		return plugin.ResultContainer{}, err
	}
	return result(stmt.Exec(values(args))) //nolint:staticcheck // the server calls this one
}

func (d *driverImpl) RowsColumns(rowsID string) []string {
	rows, err := d.rows.get(rowsID)
	if err != nil {
		return nil
	}
	return rows.Columns()
}

func (d *driverImpl) RowsClose(rowsID string) error {
	rows, err := d.rows.take(rowsID)
	if err != nil {
		return err
	}
	return rows.Close()
}

func (d *driverImpl) RowsNext(rowsID string, dest []driver.Value) error {
	rows, err := d.rows.get(rowsID)
	if err != nil {
		return err
	}
	return rows.Next(dest)
}

func (d *driverImpl) RowsHasNextResultSet(rowsID string) bool {
	rows, err := d.rows.get(rowsID)
	return err == nil && rows.(driver.RowsNextResultSet).HasNextResultSet()
}

func (d *driverImpl) RowsNextResultSet(rowsID string) error {
	rows, err := d.rows.get(rowsID)
	if err != nil {
		return err
	}
	return rows.(driver.RowsNextResultSet).NextResultSet()
}

func (d *driverImpl) RowsColumnTypeDatabaseTypeName(rowsID string, index int) string {
	rows, err := d.rows.get(rowsID)
	if err != nil {
		return ""
	}
	return rows.(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(index)
}

func (d *driverImpl) RowsColumnTypePrecisionScale(rowsID string, index int) (int64, int64, bool) {
	rows, err := d.rows.get(rowsID)
	if err != nil {
		return 0, 0, false
	}
	return rows.(driver.RowsColumnTypePrecisionScale).ColumnTypePrecisionScale(index)
}
