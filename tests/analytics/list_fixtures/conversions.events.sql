SELECT
    counted.1 AS is_named,
    counted.2 AS conversion,
    count() AS done,
    uniqExactIf(if(known.target = 0, seen.person, known.target), if(known.target = 0, seen.person, known.target) != 0) AS persons,
    uniqExactIf(seen.session_id, seen.session_id != 0) AS sessions,
    sum(seen.revenue) AS revenue
FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    SELECT hop.person AS person, if(onward.target = 0, hop.target, onward.target) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS hop
    GLOBAL ANY LEFT JOIN
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS onward ON hop.target = onward.person
) AS known ON seen.person = known.person
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v1:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v3:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
GROUP BY arrayJoin(if(has({v0:Array(String)}, seen.name), [(0, ''), (1, CAST(seen.name, 'String'))], [(0, '')])) AS counted;
