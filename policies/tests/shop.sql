-- The database that the tests are judged by, in the form of pg_dump --schema-only.

CREATE SCHEMA payroll;

CREATE TABLE public.customers (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text,
    ssn text,
    password_hash text
);

CREATE TABLE public.orders (
    id integer PRIMARY KEY,
    customer integer REFERENCES public.customers (id),
    total numeric,
    state text
);

CREATE TABLE payroll.salaries (person text, amount numeric);

-- Named like a catalog, and none.
CREATE TABLE public.pg_authid (rolname name);

CREATE VIEW public.people AS SELECT id, name, ssn AS number FROM public.customers;

-- As the extension makes it, where nobody names another schema.
CREATE VIEW public.pg_stat_statements AS SELECT 'SELECT 1'::text AS query;
