//! Comparison of a column of `datastores`, by itself or in a pair with the id.

use crate::keyset::Operator;
use crate::schema::datastores;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType};

/// `created_at > 7`, or `(created_at, id) > (7, 3)`, which diesel has no words for.
pub(crate) struct Compared<C, V> {
    column: C,
    operator: Operator,
    value: V,
    with_id: Option<i64>,
}

impl<C, V> Compared<C, V> {
    pub(crate) fn new(column: C, operator: Operator, value: V, with_id: Option<i64>) -> Self {
        Self { column, operator, value, with_id }
    }
}

impl<C, V> Expression for Compared<C, V> {
    type SqlType = Bool;
}

impl<C, V> AppearsOnTable<datastores::table> for Compared<C, V> {}

impl<C, V> ValidGrouping<()> for Compared<C, V> {
    type IsAggregate = is_aggregate::No;
}

impl<C, V, DB> QueryFragment<DB> for Compared<C, V>
where
    C: QueryFragment<DB>,
    V: QueryFragment<DB>,
    DB: Backend + HasSqlType<BigInt>,
    datastores::id: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Some(id) = &self.with_id else {
            self.column.walk_ast(out.reborrow())?;
            out.push_sql(self.operator.as_sql());
            return self.value.walk_ast(out);
        };
        out.push_sql("(");
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        datastores::id.walk_ast(out.reborrow())?;
        out.push_sql(")");
        out.push_sql(self.operator.as_sql());
        out.push_sql("(");
        self.value.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(id)?;
        out.push_sql(")");
        Ok(())
    }
}
