SELECT
    belongs_to,
    value,
    groupArray((bucket, visitors, sessions, views, revenue)) AS cells
FROM
(
    SELECT
        belongs_to,
        value,
        if(grouping(edge) = 1, 0, indexOf({v0:Array(Int64)}, edge)) AS bucket,
        uniqExact(who) AS visitors,
        uniqExact(session) AS sessions,
        sum(shown) AS views,
        sum(amount) AS revenue
    FROM
    (
        SELECT *, roundDown(at, {v0:Array(Int64)}) AS edge
        FROM
        (
        SELECT
            toString(visit.os) AS belongs_to,
            toString(visit.os_version) AS value,
            toUnixTimestamp64Milli(visit.session_started_at) AS at,
            if(known.target = 0, visit.person, known.target) AS who,
            visit.session_id AS session,
            toUInt64(visit.views) AS shown,
            visit.revenue AS amount
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
    AND visit.session_started_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    AND visit.views + visit.events > 0
        )
    )
    GROUP BY GROUPING SETS ((belongs_to, value, edge), (belongs_to, value))
)
GROUP BY belongs_to, value
ORDER BY maxIf(visitors, bucket = 0) DESC, maxIf(sessions, bucket = 0) DESC, value, belongs_to
LIMIT {v1:UInt32};
