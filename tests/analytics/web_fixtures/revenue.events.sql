SELECT
    'visited' AS part, 0 AS period, 0 AS bucket, '' AS source,
    0 AS revenue, 0 AS payments, 0 AS payers, uniqExact(if(known.target = 0, visit.person, known.target)) AS visitors, count() AS sessions, 0 AS outside
FROM sessions AS visit FINAL
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON visit.person = known.person
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({p0_start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({p0_until:Int64}, 'UTC')
    AND visit.views + visit.events > 0
UNION ALL
SELECT
    'paid' AS part, 0 AS period, indexOf({v0:Array(Int64)}, edge) AS bucket, '' AS source,
    sum(amount) AS revenue, count() AS payments, uniqExactIf(payer, payer != 0) AS payers,
    0 AS visitors, 0 AS sessions, sumIf(amount, is_outside) AS outside
FROM
(
    SELECT
        seen.revenue AS amount,
        if(known.target = 0, seen.person, known.target) AS payer,
        seen.session_id = 0 AS is_outside,
        toUnixTimestamp64Milli(if(is_outside, seen.created_at, seen.session_started_at)) AS at,
        roundDown(at, {v0:Array(Int64)}) AS edge
    FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON seen.person = known.person
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v3:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v5:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v6:Int64}, 'UTC')
    AND seen.name = 'revenue'
    AND seen.revenue != 0
    AND (seen.session_id != 0 AND seen.session_started_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC') AND seen.session_started_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC') OR seen.session_id = 0 AND seen.created_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC') AND seen.created_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC'))
)
GROUP BY GROUPING SETS ((edge), ())
UNION ALL
SELECT
    'visited' AS part, 1 AS period, 0 AS bucket, '' AS source,
    0 AS revenue, 0 AS payments, 0 AS payers, uniqExact(if(known.target = 0, visit.person, known.target)) AS visitors, count() AS sessions, 0 AS outside
FROM sessions AS visit FINAL
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON visit.person = known.person
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({p1_start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({p1_until:Int64}, 'UTC')
    AND visit.views + visit.events > 0
UNION ALL
SELECT
    'paid' AS part, 1 AS period, indexOf({v7:Array(Int64)}, edge) AS bucket, '' AS source,
    sum(amount) AS revenue, count() AS payments, uniqExactIf(payer, payer != 0) AS payers,
    0 AS visitors, 0 AS sessions, sumIf(amount, is_outside) AS outside
FROM
(
    SELECT
        seen.revenue AS amount,
        if(known.target = 0, seen.person, known.target) AS payer,
        seen.session_id = 0 AS is_outside,
        toUnixTimestamp64Milli(if(is_outside, seen.created_at, seen.session_started_at)) AS at,
        roundDown(at, {v7:Array(Int64)}) AS edge
    FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON seen.person = known.person
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v10:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v11:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v12:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v13:Int64}, 'UTC')
    AND seen.name = 'revenue'
    AND seen.revenue != 0
    AND (seen.session_id != 0 AND seen.session_started_at >= fromUnixTimestamp64Milli({v8:Int64}, 'UTC') AND seen.session_started_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC') OR seen.session_id = 0 AND seen.created_at >= fromUnixTimestamp64Milli({v8:Int64}, 'UTC') AND seen.created_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC'))
)
GROUP BY GROUPING SETS ((edge), ())
UNION ALL
SELECT part, period, bucket, source, revenue, payments, payers, visitors, sessions, outside
FROM
(
    SELECT
        'source' AS part, 0 AS period, 0 AS bucket, toString(visit.referrer_name) AS source,
        sum(visit.revenue) AS revenue, 0 AS payments, 0 AS payers,
        uniqExact(if(known.target = 0, visit.person, known.target)) AS visitors, count() AS sessions, 0 AS outside
    FROM sessions AS visit FINAL
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON visit.person = known.person
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({p0_start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({p0_until:Int64}, 'UTC')
    AND visit.views + visit.events > 0
    GROUP BY source
    ORDER BY revenue DESC, visitors DESC, sessions DESC, source
    LIMIT {v14:UInt32}
);
