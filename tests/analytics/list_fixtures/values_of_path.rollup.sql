SELECT item, seen, last_day
FROM
(
SELECT path AS item, sum(r_path.views) AS seen, max(day) AS last_day
FROM r_path
WHERE project_id = {project:String} AND path != ''
GROUP BY item
)
ORDER BY seen DESC, item
LIMIT {v0:UInt32};
