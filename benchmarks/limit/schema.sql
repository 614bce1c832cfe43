-- The least a return life cycle can be kept in: the case, its lines, its events and an outbox. No rule, no proof, no replay.
DROP TABLE IF EXISTS outbox, return_event, return_line, returns CASCADE;
CREATE TABLE returns (
    id bigserial PRIMARY KEY,
    order_id bigint NOT NULL,
    state text NOT NULL,
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX returns_order ON returns (order_id);
CREATE TABLE return_line (
    id bigserial PRIMARY KEY,
    return_id bigint NOT NULL REFERENCES returns (id),
    sku text NOT NULL,
    qty int NOT NULL,
    reason text NOT NULL
);
CREATE INDEX return_line_ret ON return_line (return_id);
CREATE TABLE return_event (
    id bigserial PRIMARY KEY,
    return_id bigint NOT NULL REFERENCES returns (id),
    from_state text,
    to_state text NOT NULL,
    actor text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX return_event_ret ON return_event (return_id);
CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
