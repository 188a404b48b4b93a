SELECT *
FROM
(
    SELECT
        min(seen.created_at) AS first_seen,
        max(seen.created_at) AS last_seen,
        count() AS done,
        countIf(seen.name = 'screen_view' AND seen.path != '') AS views,
        countIf(has({v0:Array(String)}, seen.name)) AS conversions,
        uniqExact(toDate(seen.created_at, {v1:String})) AS days,
        sum(seen.revenue) AS revenue
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.name NOT IN ('session_start', 'session_end')
        AND seen.person != 0
        AND seen.person GLOBAL IN
    (
        WITH
            known AS
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
            ),
            wanted AS
            (
                SELECT if(known.target = 0, given.person, known.target) AS person
                FROM (SELECT arrayJoin({v2:Array(UInt64)}) AS person) AS given
                GLOBAL ANY LEFT JOIN known ON given.person = known.person
            )
        SELECT person FROM known WHERE target GLOBAL IN (SELECT person FROM wanted)
        UNION ALL
        SELECT person FROM wanted WHERE person GLOBAL NOT IN (SELECT person FROM known)
    )
) AS done
CROSS JOIN
(
    SELECT
        count() AS sessions,
        sum(visit.views + visit.events) AS within,
        countIf(visit.views <= 1) AS bounced,
        countIf(visit.duration_ms > 0) AS lasted,
        sum(visit.duration_ms) AS total_ms,
        quantileExactInclusiveIf(0.9)(visit.duration_ms, visit.duration_ms > 0) AS p90_ms,
        toUnixTimestamp64Milli(max(visit.session_started_at))
            - toUnixTimestamp64Milli(min(visit.session_started_at)) AS from_first_to_last_ms
    FROM sessions AS visit FINAL
    WHERE visit.project_id = {project:String}
        AND visit.views + visit.events > 0
        AND (visit.session_started_at, visit.session_id) GLOBAL IN
        (
            SELECT seen.session_started_at, seen.session_id
            FROM events AS seen
            WHERE seen.project_id = {project:String}
                AND seen.session_id != 0
                AND seen.name NOT IN ('session_start', 'session_end')
                AND seen.person GLOBAL IN
    (
        WITH
            known AS
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
            ),
            wanted AS
            (
                SELECT if(known.target = 0, given.person, known.target) AS person
                FROM (SELECT arrayJoin({v2:Array(UInt64)}) AS person) AS given
                GLOBAL ANY LEFT JOIN known ON given.person = known.person
            )
        SELECT person FROM known WHERE target GLOBAL IN (SELECT person FROM wanted)
        UNION ALL
        SELECT person FROM wanted WHERE person GLOBAL NOT IN (SELECT person FROM known)
    )
        )
        AND visit.person GLOBAL IN
    (
        WITH
            known AS
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
            ),
            wanted AS
            (
                SELECT if(known.target = 0, given.person, known.target) AS person
                FROM (SELECT arrayJoin({v2:Array(UInt64)}) AS person) AS given
                GLOBAL ANY LEFT JOIN known ON given.person = known.person
            )
        SELECT person FROM known WHERE target GLOBAL IN (SELECT person FROM wanted)
        UNION ALL
        SELECT person FROM wanted WHERE person GLOBAL NOT IN (SELECT person FROM known)
    )
) AS came;
